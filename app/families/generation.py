"""What a family that generates text adds to the contract: how it trains and how it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.families.contract import Array, Network, Recipe


@dataclass(frozen=True)
class Baseline:
    """What a plainer way reaches on the same test data."""

    name: str
    perplexity: float


class TextRecipe(Recipe, Protocol):
    """The training half of a family that generates; `signature` is known once there is a network."""

    def step_model(self, network: Network) -> Network:
        """One step of the trained network as a network of its own, with the inputs and outputs of the signature."""

    def write(self, folder: Path) -> None:
        """Put what serving needs beside the network into a version's folder."""

    def baseline(self) -> Baseline:
        """What a plainer way reaches on the test data."""

    def test_lines(self) -> Sequence[str]:
        """The test data as text, line by line, as far as the vocabulary has it."""

    def prompts(self) -> Array:
        """Real texts to try an exported network on: tokens (n, length) int64, each from a line's beginning."""


class Prompt(Protocol):
    """What a text generator made of a client's text: the tokens to read, and the words it does not know.

    `text` is what was read, in composed form and without what cannot be seen; `unknown_scripts` are those of its
    letters that were not learned. `client_tokens` are those tokens without the line's beginning, unless a client gave
    it; `ends_word` says whether the next token has to begin another word.
    """

    text: str
    unknown_scripts: Sequence[str]

    tokens: Sequence[int]
    unknown_words: Sequence[str]
    client_tokens: Sequence[int]
    ends_word: bool


class Generator(Protocol):
    """The serving half of a family that generates: one loaded version, made with card, executable and folder.

    Tokens are numbers below `size`; `end` ends a line. `word_start_mask` (size,) bool are those that may follow a
    finished word, `suppressed_tokens` those that are never written; if `whole_word_tokens`, every token is a word by
    itself. `token_texts` has the bytes of each as they stand in a text, with the space before a word; `token_names`
    what people are told: a text, or bytes spelled out. `scripts` are those of the letters that were learned, such as
    Hangul.
    """

    size: int
    end: int
    word_start_mask: NDArray[np.bool_]
    suppressed_tokens: tuple[int, ...]
    whole_word_tokens: bool
    token_texts: Sequence[bytes]
    token_names: Sequence[str]
    scripts: Sequence[str]

    def read(self, text: str) -> Prompt:
        """A text becomes the tokens to begin with, at least one."""

    def read_tokens(self, tokens: Sequence[int]) -> Prompt:
        """Tokens, at least one, are taken as they are; raises InvalidRequest when there is no such token."""

    def offsets(self, text: str) -> list[int]:
        """Where in a prompt's `text` each of its `given` tokens begins, in characters."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The word that the tokens make."""

    def initial_state(self, rows: int) -> list[Array]:
        """The states (rows, ...) float32 before anything is read."""

    def step(self, tokens: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Tokens (n,) int64 read with their states: logits (n, size) float32 of what comes next, and the new states."""
