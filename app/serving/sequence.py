"""One text under way, whatever is made of its tokens: the prompt being read, what was said, and its own chance."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Self

import numpy as np

from app.families.generation import Prompt
from app.serving.sampling import Logits, Past, Sampling


class Continuation(ABC):
    """One request. `done` gives it back when it has ended; whoever cancels `done` has left.

    `token` is to be read next; `past` has all tokens of prompt and continuation; `taken` counts those of the
    latter, the line's end among them; `stopped` says why there are no more; `since` is when it came, by
    `time.perf_counter`. `weigh`, where there is one, gets the logits (size,) of a step before anything is forbidden.
    """

    done: asyncio.Future[Self]
    weigh: Callable[[Logits], None] | None = None

    def __init__(self, prompt: Prompt, sampling: Sampling) -> None:
        self.prompt = prompt
        self.sampling = sampling
        self._to_read = list(prompt.tokens[:0:-1])  # a stack; the first token is `token`
        self._after_word = prompt.ends_word
        self.token = prompt.tokens[0]
        self.past = Past(list(prompt.tokens[1:]))
        self.taken = 0
        self.stopped: str | None = None
        self.done = asyncio.get_running_loop().create_future()
        self.since = time.perf_counter()

    @property
    def plain(self) -> bool:
        """Whether the largest logit is simply taken."""
        return self.sampling.plain

    @cached_property
    def draw(self) -> np.random.Generator:
        """The request's own chance, made when it is needed first."""
        return np.random.default_rng(self.sampling.seed)

    @property
    def reads(self) -> bool:
        """Whether there is still some prompt to read after `token`."""
        return bool(self._to_read)

    @property
    def must_start(self) -> bool:
        """Whether the next token has to begin a word or end the line."""
        return self._after_word

    def read_on(self) -> None:
        """Make the prompt's next token the one to be read."""
        self.token = self._to_read.pop()

    @abstractmethod
    def take(self, token: int, logits: Logits) -> None:
        """Go on with the token that was chosen by these logits (size,); sets `stopped` when that was the last."""
