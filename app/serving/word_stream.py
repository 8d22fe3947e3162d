"""Telling: a continuation as words, each told when it is finished, with what else could have come."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeAlias

from app.families.generation import Generator, Prompt
from app.serving.sampling import Logits, Sampling, runners_up
from app.serving.sequence import Continuation

LONGEST_WORD = 40  # tokens; then the word is taken to be finished

Stop: TypeAlias = Literal["words", "end_of_line"]


@dataclass(frozen=True)
class Wish:
    """How many words are wanted, how their tokens are chosen, and how many alternatives are told for each."""

    next_words: int = 5
    sampling: Sampling = field(default_factory=Sampling)
    alternatives: int = 0


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


class Telling(Continuation):
    """A continuation told in words: `hear` gets each, `words` has them all."""

    stopped: Stop | None

    def __init__(self, generator: Generator, prompt: Prompt, wish: Wish, hear: Callable[[Word], None]) -> None:
        super().__init__(prompt, wish.sampling)
        self._generator = generator
        self._wish = wish
        self._hear = hear
        self._pieces: list[int] = []
        self._most = (wish.next_words + 1) * LONGEST_WORD
        self._first: tuple[float, Sequence[Choice]] | None = None
        self.words: list[Word] = []

    @property
    def must_start(self) -> bool:
        """Whether the next token has to begin a word or end the line."""
        return self._after_word or len(self._pieces) >= LONGEST_WORD

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
            self.past.tokens.append(token)
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
