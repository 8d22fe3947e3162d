"""Two versions beside each other, by what was written down when each was tested."""

import json
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from app.errors import Conflict
from app.families.contract import Array
from app.store.model_store import ModelStore
from app.store.version import EVALUATION, PREDICTIONS, Card


class Agreement(BaseModel):
    """Number of test examples by whether each of two classifiers is correct."""

    examples: int
    both_right: int
    both_wrong: int
    only_right: dict[int, int] = Field(description="Examples that only this version predicts correctly.")
    disagreements: int = Field(description="Examples with different predictions, correct or not.")


class Comparison(BaseModel):
    """Comparison of two versions of a model on their test sets."""

    model: str
    versions: tuple[int, int]
    same_test: bool = Field(
        description="Whether both were tested on the same examples; otherwise metrics are not comparable."
    )
    metrics: dict[int, dict[str, float]]
    labels: list[str]
    confusion: dict[int, list[list[int]]] = Field(
        description="Confusion matrices of classifiers; rows: actual, columns: predicted."
    )
    agreement: Agreement | None = Field(
        description="None for generators, for different test sets and for versions without stored predictions."
    )


def compare(store: ModelStore, model: str, one: int, other: int) -> Comparison:
    """Compare two versions; raises NotFound, Damaged, or Conflict when they are one and the same."""
    if one == other:
        raise Conflict(f"both are version {one} of {model}: name two different versions")
    cards = [store.card(model, number) for number in (one, other)]
    tests = {card.data and card.data.test_fingerprint for card in cards}
    same_test = len(tests) == 1 and None not in tests
    return Comparison(
        model=model,
        versions=(one, other),
        same_test=same_test,
        metrics={card.version: card.metrics for card in cards},
        labels=list(cards[0].labels),
        confusion={
            card.version: _confusion(store.folder(model, card.version))
            for card in cards
            if card.labels and EVALUATION in card.files
        },
        agreement=_agreement(store, cards) if same_test and all(PREDICTIONS in card.files for card in cards) else None,
    )


def _confusion(folder: Path) -> list[list[int]]:
    counts: list[list[int]] = json.loads((folder / EVALUATION).read_text())["confusion"]
    return counts


def _agreement(store: ModelStore, cards: list[Card]) -> Agreement:
    (truth, mine), (_, theirs) = (_predictions(store.folder(card.model, card.version)) for card in cards)
    right, also = mine == truth, theirs == truth
    return Agreement(
        examples=len(truth),
        both_right=int((right & also).sum()),
        both_wrong=int((~right & ~also).sum()),
        only_right={cards[0].version: int((right & ~also).sum()), cards[1].version: int((~right & also).sum())},
        disagreements=int((mine != theirs).sum()),
    )


def _predictions(folder: Path) -> Array:
    """(2, examples): the truths and the guesses."""
    tested: Array = np.load(folder / PREDICTIONS, allow_pickle=False)
    return tested
