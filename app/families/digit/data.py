"""Digits to learn from: MNIST, or a small sample that comes with scikit-learn, as 28 x 28 arrays."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from app.errors import MissingData

SIDE = 28
BOX = 20  # MNIST's digits fill a box of 20 x 20
SAMPLE_TEST = 360
SAMPLE_SEED = 0


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


def read_sample() -> Digits:
    """1,797 digits of 8 x 8 pixels (UCI, Optical Recognition of Handwritten Digits), enlarged as MNIST lays them."""
    small, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SAMPLE_SEED).permutation(len(labels))
    pictures = np.stack([_enlarge(picture) for picture in small.reshape(-1, 8, 8)[order]])
    labels = labels[order].astype(np.int64)
    return Digits(pictures[SAMPLE_TEST:], labels[SAMPLE_TEST:], pictures[:SAMPLE_TEST], labels[:SAMPLE_TEST])


def fingerprint(*arrays: NDArray[np.generic]) -> str:
    """SHA-256 over shapes, types and contents."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _enlarge(picture: NDArray[np.float64]) -> NDArray[np.uint8]:
    box = cv2.resize(picture * (255 / 16), (BOX, BOX), interpolation=cv2.INTER_CUBIC)
    return np.pad(box.clip(0, 255).astype(np.uint8), (SIDE - BOX) // 2)
