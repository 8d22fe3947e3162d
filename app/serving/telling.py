"""One continuation under way: what is read next, the word being made, and the words that are finished."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np

from app.families.generation import Generator, Prompt
from app.serving.sampling import Logits, Sampling, runners_up

LONGEST_WORD = 40  # tokens; then the word is taken to be finished

Stop: TypeAlias = Literal["words", "end_of_line"]


@dataclass(frozen=True)
class Wish:
    """How many words are wanted, how their tokens are chosen, and how many alternatives are told for each.

    `most_tokens` ends the last word, finished or not, where a limit in tokens is wanted.
    """

    next_words: int = 5
    sampling: Sampling = field(default_factory=Sampling)
    alternatives: int = 0
    most_tokens: int | None = None


@dataclass(frozen=True)
class Choice:
    """A word, or the piece that one begins with, and its probability; an empty one is the line's end."""

    word: str
    probability: float


@dataclass(frozen=True)
class Word:
    """A finished word; with alternatives wanted, how likely its beginning was and what else was likely there."""

    text: str
    probability: float | None = None
    alternatives: Sequence[Choice] = ()


class Telling:
    """One request. `done` gives it back when it has ended; whoever cancels `done` has left.

    `token` is to be read next; `seen` are all tokens of prompt and continuation; `taken` counts those of the
    latter, the line's end among them; `since` is when it came, by `time.perf_counter`.
    """

    def __init__(
        self,
        generator: Generator,
        prompt: Prompt,
        wish: Wish,
        done: asyncio.Future["Telling"],
        hear: Callable[[Word], None],
    ) -> None:
        self._generator = generator
        self._wish = wish
        self._hear = hear
        self._to_read = list(prompt.tokens[:0:-1])  # a stack; the first token is `token`
        self.sampling = wish.sampling
        self.seen = list(prompt.tokens[1:])
        self._pieces: list[int] = []
        self._most = wish.most_tokens or (wish.next_words + 1) * LONGEST_WORD
        self.prompt = prompt
        self.taken = 0
        self._first: tuple[float, Sequence[Choice]] | None = None
        self._after_word = len(prompt.tokens) > 1  # the prompt's words are whole: what comes begins another one
        self.token = prompt.tokens[0]
        self.words: list[Word] = []
        self.stopped: Stop | None = None
        self.done = done
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
        return self._after_word or len(self._pieces) >= LONGEST_WORD

    def read_on(self) -> None:
        """Make the prompt's next token the one to be read."""
        self.token = self._to_read.pop()

    def take(self, token: int, logits: Logits) -> None:
        """Go on with the token that was chosen by these logits (size,); sets `stopped` when that was the last."""
        if self._pieces and self._generator.starts[token]:
            self._finish_word()
        if self._wish.alternatives and not self._generator.spell(self._pieces):
            own, others = runners_up(logits, token)
            self._first = own, list(islice(self._choices(others), self._wish.alternatives))
        self._after_word = False
        self.taken += 1
        if token == self._generator.end:
            self._finish_word()
            self.stopped = self.stopped or "end_of_line"
            return
        if self.stopped is None:
            self._pieces.append(token)
            self.seen.append(token)
            self.token = token
            if self._generator.whole:
                self._finish_word()
        if self.taken >= self._most and self.stopped is None:
            self._finish_word()
            self.stopped = self.stopped or "words"

    def _choices(self, tokens: Iterable[tuple[int, float]]) -> Iterator[Choice]:
        """Those that show something, and the line's end; a space or a part of a character by itself does not."""
        for token, share in tokens:
            word = self._generator.spell([token])
            if word or token == self._generator.end:
                yield Choice(word, share)

    def _finish_word(self) -> None:
        text = self._generator.spell(self._pieces)
        self._pieces = []
        if not text:  # spaces, or bytes that are no character
            return
        word = Word(text, *self._first) if self._first else Word(text)
        self.words.append(word)
        self._hear(word)
        if len(self.words) == self._wish.next_words:
            self.stopped = "words"
