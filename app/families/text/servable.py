"""Text, served: a loaded version reads a prompt and steps from token to token."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.errors import Damaged
from app.families.contract import Array, Executable, following
from app.families.text.vocabulary import END, VOCABULARY, load, tokens_of
from app.store.version import Card


@dataclass(frozen=True)
class TextPrompt:
    """The tokens to read, the line's beginning first, and the words that the vocabulary lacks."""

    tokens: Sequence[int]
    ignored: Sequence[str]


class TextServable:
    """One loaded version of a recurrent network, and its vocabulary."""

    end = END

    def __init__(self, card: Card, executable: Executable, folder: Path) -> None:
        if VOCABULARY not in card.files:
            raise Damaged(f"version {card.version} of {card.model} has no {VOCABULARY}")
        self._vocabulary = load((folder / VOCABULARY).read_text("utf-8"))
        self.size = len(self._vocabulary.spellings)
        if self.size != card.output.shape[-1]:
            raise Damaged(f"{VOCABULARY} has {self.size} tokens, the network of {card.model} {card.output.shape[-1]}")
        self.starts = self._vocabulary.starts
        self.silent = self._vocabulary.silent
        self.whole = self._vocabulary.whole
        self._executable = executable
        self._token, self._logits = card.input.name, card.output.name
        self._widths = [state.shape[1:] for state in card.states]
        self._states = [(state.name, following(state.name)) for state in card.states]

    def read(self, text: str) -> TextPrompt:
        """The known words of a text as one line; just a line's beginning when none is known."""
        tokens, ignored = tokens_of(self._vocabulary, text)
        return TextPrompt([END, *tokens], ignored)

    def spell(self, tokens: Sequence[int]) -> str:
        """The word that the tokens make; bytes that are no character are left out."""
        return b"".join(self._vocabulary.spellings[token] for token in tokens).decode(errors="ignore")

    def blank(self, rows: int) -> list[Array]:
        """States of zeros, (rows, width) float32 each."""
        return [np.zeros((rows, *width), np.float32) for width in self._widths]

    def step(self, tokens: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Tokens (n,) int64 and states become logits (n, size) float32 and new states."""
        inputs = {self._token: tokens}
        for (name, _), state in zip(self._states, states, strict=True):
            inputs[name] = state
        outputs = self._executable(inputs)
        return outputs[self._logits], [outputs[after] for _, after in self._states]
