"""Text, served: a loaded version reads a prompt and steps from token to token."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.errors import Damaged, InvalidRequest
from app.families.contract import Array, Executable, next_state_name
from app.families.text.scripts import known_scripts, unknown_scripts_in
from app.families.text.text_cleaning import normalised
from app.families.text.token_display import token_names, token_offsets, token_texts
from app.families.text.vocabulary import END, VOCABULARY, load, tokens_of
from app.store.version import Card


@dataclass(frozen=True)
class TextPrompt:
    """The tokens to read, the line's beginning first, and the words and scripts that the vocabulary lacks."""

    text: str
    unknown_scripts: Sequence[str]
    tokens: Sequence[int]
    unknown_words: Sequence[str]
    client_tokens: Sequence[int]
    ends_word: bool


class TextServable:
    """One loaded version of a recurrent network, and its vocabulary."""

    end = END

    def __init__(self, card: Card, executable: Executable, folder: Path) -> None:
        if VOCABULARY not in card.files:
            raise Damaged(f"version {card.version} of {card.model} has no {VOCABULARY}")
        self._vocabulary = load((folder / VOCABULARY).read_text("utf-8"))
        self.size = len(self._vocabulary.token_bytes)
        if self.size != card.output.shape[-1]:
            raise Damaged(f"{VOCABULARY} has {self.size} tokens, the network of {card.model} {card.output.shape[-1]}")
        self.word_start_mask = self._vocabulary.word_start_mask
        self.suppressed_tokens = self._vocabulary.suppressed_tokens
        self.whole_word_tokens = self._vocabulary.whole_word_tokens
        self.token_texts = token_texts(self._vocabulary)
        self.token_names = token_names(self._vocabulary)
        self.scripts = known_scripts(self._vocabulary)
        self._model = card.model
        self._executable = executable
        self._token, self._logits = card.input.name, card.output.name
        self._widths = [state.shape[1:] for state in card.states]
        self._states = [(state.name, next_state_name(state.name)) for state in card.states]

    def read(self, text: str) -> TextPrompt:
        """The known words of a text as one line; just a line's beginning when none is known."""
        text = normalised(text)
        tokens, ignored = tokens_of(self._vocabulary, text)
        return TextPrompt(
            text, unknown_scripts_in(text, self.scripts), [END, *tokens], ignored, tokens, ends_word=bool(tokens)
        )

    def read_tokens(self, tokens: Sequence[int]) -> TextPrompt:
        """Tokens as they are, at a line's beginning; raises InvalidRequest when there is no such token."""
        for token in tokens:
            if not 0 <= token < self.size:
                raise InvalidRequest(f"{token} is no token of {self._model}: its tokens are 0 to {self.size - 1}")
        beginning = [] if tokens[0] == END else [END]
        return TextPrompt("", (), [*beginning, *tokens], (), tokens, ends_word=False)

    def offsets(self, text: str) -> list[int]:
        """Where in a prompt's `text` each token of its prompt begins, in characters."""
        return token_offsets(self._vocabulary, text)

    def decode(self, tokens: Sequence[int]) -> str:
        """The word that the tokens make; bytes that are no character are left out."""
        return b"".join(self._vocabulary.token_bytes[token] for token in tokens).decode(errors="ignore")

    def initial_state(self, rows: int) -> list[Array]:
        """States of zeros, (rows, width) float32 each."""
        return [np.zeros((rows, *width), np.float32) for width in self._widths]

    def step(self, tokens: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Tokens (n,) int64 and states become logits (n, size) float32 and new states."""
        inputs = {self._token: tokens}
        for (name, _), state in zip(self._states, states, strict=True):
            inputs[name] = state
        outputs = self._executable(inputs)
        return outputs[self._logits], [outputs[after] for _, after in self._states]
