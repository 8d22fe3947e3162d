"""Digits to learn from: MNIST, or a small sample that is drawn here, as 28 x 28 arrays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import MissingData
from app.families.digit.normalise import normalise
from app.families.digit.stroke_rendering import cover_of

SIDE = 28
DRAWING = 56  # pixels on a side of a drawing before it is laid out
SAMPLE_TRAIN, SAMPLE_TEST, SAMPLE_SEED = 2000, 400, 0


@dataclass(frozen=True)
class Digits:
    """Pictures (n, 28, 28) uint8, ink bright on 0, and their labels (n,) int64, for training and for testing."""

    train: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def read_mnist(path: Path) -> Digits:
    """The arrays of Keras's mnist.npz; raises MissingData when the file is something else."""
    try:
        with np.load(path, allow_pickle=False) as file:
            x, y, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    except Exception as fault:  # NumPy raises what the zip, the header or the missing name gives
        raise MissingData(f"{path} is not MNIST as Keras keeps it (mnist.npz): {fault}") from fault
    for pictures, labels in ((x, y), (x_test, y_test)):
        if pictures.shape[1:] != (SIDE, SIDE) or pictures.dtype != np.uint8 or len(pictures) != len(labels):
            raise MissingData(f"{path} holds {pictures.shape} {pictures.dtype} pictures; expected (n, 28, 28) uint8")
    return Digits(x, y.astype(np.int64), x_test, y_test.astype(np.int64))


def draw_sample() -> Digits:
    """2,000 digits to learn and 400 to test on, drawn by `pen` and laid out as MNIST's are; always the same ones."""
    rng = np.random.default_rng(SAMPLE_SEED)
    labels = np.arange(SAMPLE_TRAIN + SAMPLE_TEST, dtype=np.int64) % 10
    pictures = np.stack([_drawn(int(label), rng) for label in labels])
    return Digits(pictures[:SAMPLE_TRAIN], labels[:SAMPLE_TRAIN], pictures[SAMPLE_TRAIN:], labels[SAMPLE_TRAIN:])


def _drawn(digit: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One drawing, (28, 28) uint8: style, pen, slant and every control point as chance has it."""
    cover = cover_of(
        digit,
        (DRAWING, DRAWING),
        rng.uniform(3, 7),
        style=int(rng.integers(100)),
        turn=rng.uniform(-15, 15),
        wobble=rng.uniform(0, 0.05),
        seed=int(rng.integers(2**31)),
    )
    return np.asarray(normalise((cover * 255).astype(np.uint8)) * 255, np.uint8)
