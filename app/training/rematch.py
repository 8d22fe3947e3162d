"""The live version beside a new one on the new test data, where the data grew or changed since it was tested."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from app.errors import Damaged, MissingData, NotFound
from app.families.contract import Array, Data, Family, Recipe, load
from app.families.generation import Generator, TextRecipe
from app.store.model_store import ModelStore
from app.store.version import ONNX, Card
from app.versions.promotion import Incomparable, Rematch

BATCH = 256  # pictures
ROWS = 64  # lines that are read side by side
MOST_CHARACTERS = 200_000  # of a test text that are read: enough to tell versions apart


def rematch(
    store: ModelStore, family: Family, card: Card, live: Card, recipe: Any, data: Callable[[], Data]
) -> Rematch:
    """A new version and the live one on the test data of the new one; raises Incomparable.

    Classifiers by their accuracy, which takes the same labels and inputs; generators by the bits that they need for a
    character, which takes vocabularies that know every word of the test text.
    """
    if live.imported:
        raise Incomparable(f"version {live.version} was imported")
    try:
        return (_texts if family.task == "generate" else _pictures)(store, family, card, live, recipe, data())
    except (Damaged, MissingData, NotFound) as fault:
        raise Incomparable(str(fault)) from fault


def _pictures(store: ModelStore, family: Family, card: Card, live: Card, recipe: Recipe, data: Data) -> Rematch:
    if live.labels != card.labels:
        raise Incomparable(f"version {live.version} has other labels")
    if (live.input, live.preprocessing) != (card.input, recipe.preprocessing):
        raise Incomparable(f"version {live.version} takes other inputs")
    new, old = (_accuracy(_servable(store, family, one), data) for one in (card, live))
    return Rematch("test_accuracy", new, old, "higher")


def _accuracy(servable: Any, data: Data) -> float:
    inputs, right = data.test.inputs, 0
    for begin in range(0, len(inputs), BATCH):
        outputs = servable.predict(list(inputs[begin : begin + BATCH]))
        right += int((np.argmax(outputs, axis=1) == data.test.targets[begin : begin + BATCH]).sum())
    return right / len(inputs)


def _texts(store: ModelStore, family: Family, card: Card, live: Card, recipe: TextRecipe, data: Data) -> Rematch:  # noqa: ARG001
    lines = _first(recipe.test_lines())
    new, old = (_servable(store, family, one) for one in (card, live))
    if new.whole_word_tokens != old.whole_word_tokens:
        raise Incomparable(f"version {live.version} has another kind of vocabulary")
    return Rematch("bits per character", bits_per_character(new, lines), bits_per_character(old, lines), "lower")


def _first(lines: Sequence[str]) -> list[str]:
    read, total = [], 0
    for line in lines:
        if total >= MOST_CHARACTERS:
            break
        read.append(line)
        total += len(line) + 1
    return read


def bits_per_character(generator: Generator, lines: Sequence[str]) -> float:
    """The bits that a generator needs for a character of these lines, each read from its beginning, its end included.

    Raises Incomparable when it does not know every word.
    """
    prompts = [generator.read(line) for line in lines]
    if strangers := [word for prompt in prompts for word in prompt.unknown_words]:
        raise Incomparable(f"a version does not know every word of the test text, such as {strangers[0][:40]!r}")
    tokens = sorted(([*prompt.tokens, generator.end] for prompt in prompts), key=len)
    nats = sum(_nats(generator, tokens[begin : begin + ROWS]) for begin in range(0, len(tokens), ROWS))
    return float(nats / np.log(2) / sum(len(line) + 1 for line in lines))


def _nats(generator: Generator, lines: Sequence[Sequence[int]]) -> float:
    """The surprise at every token of these lines but the first, which is a line's beginning."""
    lengths = np.array([len(line) for line in lines])
    tokens = np.full((len(lines), lengths.max()), generator.end, np.int64)
    for row, line in zip(tokens, lines, strict=True):
        row[: len(line)] = line
    total, states = 0.0, generator.initial_state(len(lines))
    for place in range(tokens.shape[1] - 1):
        logits, states = generator.step(tokens[:, place], states)
        total += float(_surprise(logits, tokens[:, place + 1])[place + 1 < lengths].sum())
    return total


def _surprise(logits: Array, tokens: Array) -> Array:
    """The negative logarithm of the probability of each row's token, (n,) float64."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    surprise: Array = np.log(np.exp(wide).sum(axis=1)) - wide[np.arange(len(tokens)), tokens]
    return surprise


def _servable(store: ModelStore, family: Family, card: Card) -> Any:
    folder = store.folder(card.model, card.version)
    return load(family.servable)(card, _Executable(folder), folder)


class _Executable:
    """A version's network on ONNX Runtime, in this process: it was trained here."""

    def __init__(self, folder: Path) -> None:
        self._session = onnxruntime.InferenceSession(folder / ONNX, providers=["CPUExecutionProvider"])
        self._names = [one.name for one in self._session.get_outputs()]

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        return dict(zip(self._names, self._session.run(self._names, dict(inputs)), strict=True))
