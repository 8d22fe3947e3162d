"""Versions that continue texts by arithmetic, with vocabularies of every kind that the sample's lines make."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from app.families.contract import Array
from app.families.text.sample import LINES
from app.families.text.servable import TextServable
from app.families.text.text_cleaning import lines_of
from app.families.text.vocabulary import VOCABULARY, build, serialized
from app.serving.batcher import Cost
from app.serving.generation import Generation
from app.serving.loading import LoadedGenerator
from app.store.version import FileSum, TensorCard
from tests.fakes import tiny_card

KINDS = ("words", "subwords", "characters")
UNITS = 8


class TinyRecurrent:
    """A recurrent network of 8 units in numpy over any number of tokens; lines are of some length."""

    def __init__(self, size: int) -> None:
        rng = np.random.default_rng(0)
        self._vectors, self._recurrent, self._output = (
            rng.normal(size=shape).astype(np.float32) for shape in ((size, UNITS), (UNITS, UNITS), (UNITS, size))
        )

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        # Row by row: with many rows numpy adds up in another order, and a text must not depend on its neighbours.
        rows = zip(inputs["token"], inputs["state"], strict=True)
        hidden = np.stack([np.tanh(self._vectors[token] + state @ self._recurrent) for token, state in rows])
        logits = np.stack([2 * row @ self._output for row in hidden])
        logits[:, 0] += 2
        return {"logits": logits, "next_state": hidden}


def load_tiny(kind: str, folder: Path, *, max_queue_size: int = 256) -> LoadedGenerator:
    """A loaded version with such a network, and a vocabulary of this kind in the folder."""
    vocabulary = build(kind, lines_of(LINES), None)
    (folder / VOCABULARY).write_text(serialized(vocabulary), "utf-8")
    size = len(vocabulary.token_bytes)
    card = tiny_card().model_copy(
        update={
            "model": kind,
            "files": {VOCABULARY: FileSum(size=0, sha256="")},
            "input": TensorCard(name="token", dtype="int64", shape=(-1,)),
            "output": TensorCard(name="logits", dtype="float32", shape=(-1, size)),
            "states": (TensorCard(name="state", dtype="float32", shape=(-1, UNITS)),),
        }
    )
    servable = TextServable(card, TinyRecurrent(size), folder)
    bounds = {"max_batch": 8, "max_queue_size": max_queue_size, "cost": Cost(fixed=0.0)}
    return LoadedGenerator(card, servable, Generation(servable, ThreadPoolExecutor(1), **bounds))  # type: ignore[arg-type]
