"""The lines of a corpus as training data: divided into training, validation and test, and packed into windows.

Packing puts whole lines one after the other into rows, and cuts the rows into windows. The network reads a row window
by window and carries its state over; the beginning of a line resets the state. So each token is predicted from all
tokens before it in its line and from nothing else, and there is little padding.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.families.text.vocabulary import END

Ids = NDArray[np.int64]
LINE_START = np.array([END])
Number = TypeVar("Number", bound=np.generic)

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


@dataclass(frozen=True)
class Packed:
    """Windows of all rows, one window after the other: `inputs`, `targets` (windows * rows, window) int32.

    `weights` float32 of the same shape are 0 where a row that ended early repeats its beginning, else 1.
    """

    inputs: NDArray[np.int32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float32]


def cut(lines: Sequence[Ids], longest: int) -> list[Ids]:
    """Lines with those longer than `longest` tokens in pieces, each beginning and ending as lines do."""
    return [line[begin : begin + longest] for line in lines for begin in range(0, len(line), longest)]


def pack(lines: Sequence[Ids], rows: int, window: int) -> Packed:
    """Deal the lines, in their order, each to the row that is shortest; there are at least as many lines as rows."""
    dealt: list[list[Ids]] = [[] for _ in range(rows)]
    shortest = [(0, row) for row in range(rows)]
    for line in lines:
        length, row = shortest[0]
        dealt[row].append(line)
        heapq.heapreplace(shortest, (length + len(line) + 1, row))
    longest = max(length for length, _ in shortest)
    windows = -(-longest // window)
    inputs, targets = np.empty((2, rows, windows * window), np.int32)
    weights = np.zeros((rows, windows * window), np.float32)
    for row, own in enumerate(dealt):
        stream = np.concatenate([part for line in own for part in (LINE_START, line)])
        inputs[row] = np.resize(stream, windows * window)
        targets[row] = np.resize(np.append(stream[1:], END), windows * window)
        weights[row, : len(stream)] = 1
    return Packed(_windows(inputs, window), _windows(targets, window), _windows(weights, window))


def _windows(array: NDArray[Number], window: int) -> NDArray[Number]:
    """(rows, windows * window) as (windows * rows, window): first window of every row, second window of every row …"""
    rows = len(array)
    return array.reshape(rows, -1, window).swapaxes(0, 1).reshape(-1, window)
