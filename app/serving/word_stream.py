"""Telling: a continuation as words, each told when it is finished, with what else could have come."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeAlias

from app.families.generation import Generator, Prompt
from app.serving.sampling import Logits, SamplingParameters, top_alternatives
from app.serving.sequence import TokenSequence

MAX_WORD_TOKENS = 40  # tokens; then the word is taken to be finished

StopReason: TypeAlias = Literal["words", "end_of_line"]


@dataclass(frozen=True)
class WordOptions:
    """How many words are wanted, how their tokens are chosen, and how many alternatives are told for each."""

    next_words: int = 5
    sampling: SamplingParameters = field(default_factory=SamplingParameters)
    alternatives: int = 0


@dataclass(frozen=True)
class WordChoice:
    """A word, or the piece that one begins with, and its probability; an empty one is the line's end."""

    word: str
    probability: float


@dataclass(frozen=True)
class Word:
    """A finished word; with alternatives wanted, how likely its beginning was and what else was likely there."""

    text: str
    probability: float | None = None
    alternatives: Sequence[WordChoice] = ()


class WordGeneration(TokenSequence):
    """A continuation told in words: `on_word` gets each, `words` has them all."""

    stopped: StopReason | None

    def __init__(
        self, generator: Generator, prompt: Prompt, options: WordOptions, on_word: Callable[[Word], None]
    ) -> None:
        super().__init__(prompt, options.sampling)
        self._generator = generator
        self._options = options
        self._on_word = on_word
        self._word_tokens: list[int] = []
        self._max_tokens = (options.next_words + 1) * MAX_WORD_TOKENS
        self._first_token: tuple[float, Sequence[WordChoice]] | None = None
        self.words: list[Word] = []

    @property
    def must_start_word(self) -> bool:
        """Whether the next token has to begin a word or end the line."""
        return self._after_word or len(self._word_tokens) >= MAX_WORD_TOKENS

    def take(self, token: int, logits: Logits) -> None:
        """Go on with the token that was chosen by these logits (size,); sets `stopped` when that was the last."""
        if self._word_tokens and self._generator.word_start_mask[token]:
            self._finish_word()
        if self._options.alternatives and not self._generator.decode(self._word_tokens):
            own, others = top_alternatives(logits, token)
            self._first_token = own, list(islice(self._choices(others), self._options.alternatives))
        self._after_word = False
        self.taken += 1
        if token == self._generator.end:
            self._finish_word()
            self.stopped = self.stopped or "end_of_line"
            return
        if self.stopped is None:
            self._word_tokens.append(token)
            self.history.tokens.append(token)
            self.token = token
            if self._generator.whole_word_tokens:
                self._finish_word()
        if self.taken >= self._max_tokens and self.stopped is None:
            self._finish_word()
            self.stopped = self.stopped or "words"

    def _choices(self, tokens: Iterable[tuple[int, float]]) -> Iterator[WordChoice]:
        """Those that show something, and the line's end; a space or a part of a character by itself does not."""
        for token, probability in tokens:
            word = self._generator.decode([token])
            if word or token == self._generator.end:
                yield WordChoice(word, probability)

    def _finish_word(self) -> None:
        text = self._generator.decode(self._word_tokens)
        self._word_tokens = []
        if not text:  # spaces, or bytes that are no character
            return
        word = Word(text, *self._first_token) if self._first_token else Word(text)
        self.words.append(word)
        self._on_word(word)
        if len(self.words) == self._options.next_words:
            self.stopped = "words"
