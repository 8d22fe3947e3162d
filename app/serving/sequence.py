"""One text under way, whatever is made of its tokens: the prompt being read, what was said, and its own chance."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Self

import numpy as np

from app.families.generation import Prompt
from app.serving.sampling import Logits, SamplingParameters, TokenHistory


class TokenSequence(ABC):
    """One request. `done` gives it back when it has ended; whoever cancels `done` has left.

    `token` is to be read next; `past` has all tokens of prompt and continuation; `taken` counts those of the latter,
    the line's end among them; `stopped` says why there are no more; `since` is when it came, by `time.perf_counter`.
    `on_logits`, where there is one, gets the logits (size,) of a step before anything is forbidden.
    """

    done: asyncio.Future[Self]
    on_logits: Callable[[Logits], None] | None = None

    def __init__(self, prompt: Prompt, sampling: SamplingParameters) -> None:
        self.prompt = prompt
        self.sampling = sampling
        self._unread_prompt = list(prompt.tokens[:0:-1])  # a stack; the first token is `token`
        self._after_word = prompt.ends_word
        self.token = prompt.tokens[0]
        self.history = TokenHistory(list(prompt.tokens[1:]))
        self.taken = 0
        self.stopped: str | None = None
        self.done = asyncio.get_running_loop().create_future()
        self.arrived_at = time.perf_counter()

    @property
    def is_greedy(self) -> bool:
        """Whether the largest logit is simply taken."""
        return self.sampling.is_greedy

    @cached_property
    def rng(self) -> np.random.Generator:
        """The request's own chance, made when it is needed first."""
        return np.random.default_rng(self.sampling.seed)

    @property
    def reads_prompt(self) -> bool:
        """Whether there is still some prompt to read after `token`."""
        return bool(self._unread_prompt)

    @property
    def must_start_word(self) -> bool:
        """Whether the next token has to begin a word or end the line."""
        return self._after_word

    def advance_prompt(self) -> None:
        """Make the prompt's next token the one to be read."""
        self.token = self._unread_prompt.pop()

    @abstractmethod
    def take(self, token: int, logits: Logits) -> None:
        """Go on with the token that was chosen by these logits (size,); sets `stopped` when that was the last."""
