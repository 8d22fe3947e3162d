"""A corpus divided: what is learned, what picks the best epoch, and what the version is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

EVERY = 20  # of so many lines, one is for validation and one for the test
VALIDATED, TESTED = 9, 19  # which of them


@dataclass(frozen=True)
class Corpus:
    """Lines of tokens, (length,) int64 each."""

    train: Sequence[Ids]
    validation: Sequence[Ids]
    test: Sequence[Ids]


def divide(lines: Sequence[Ids], few: int) -> Corpus:
    """The same division whenever the lines are the same; with fewer than `few` lines all of them are for everything."""
    if len(lines) < max(few, EVERY):
        return Corpus(lines, lines, lines)
    parts: dict[int, list[Ids]] = {VALIDATED: [], TESTED: []}
    train = [line for place, line in enumerate(lines) if place % EVERY not in parts]
    for place, line in enumerate(lines):
        if place % EVERY in parts:
            parts[place % EVERY].append(line)
    return Corpus(train, parts[VALIDATED], parts[TESTED])
