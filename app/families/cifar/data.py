"""Photographs to learn from: CIFAR-10, or a small sample of coloured shapes that is drawn here."""

import io
import pickle
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.errors import MissingData

SIDE = 32
CIFAR10_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")

SHAPES = ("disc", "ring", "square", "cross", "triangle")
COLOURS = {"orange": (230, 130, 40), "blue": (50, 90, 210)}
SAMPLE_LABELS = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
SAMPLE_TRAIN, SAMPLE_TEST, SAMPLE_SEED = 1000, 200, 0


@dataclass(frozen=True)
class Pictures:
    """Pictures (n, 32, 32, 3) uint8 RGB and their labels (n,) int64, for training and for testing."""

    train: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    names: tuple[str, ...]


def read_cifar10(path: Path) -> Pictures:
    """CIFAR-10 as its publisher packs it (.tar.gz of Python batches) or as x_train, y_train, x_test, y_test (.npz).

    Raises MissingData when the file is something else.
    """
    try:
        x, y, x_test, y_test = _read_arrays(path) if path.suffix == ".npz" else _read_batches(path)
    except Exception as fault:  # NumPy, tarfile and pickle raise what the bytes make them
        raise MissingData(f"{path} is not CIFAR-10 as Keras keeps it: {fault}") from fault
    for pictures, labels in ((x, y), (x_test, y_test)):
        if pictures.shape[1:] != (SIDE, SIDE, 3) or pictures.dtype != np.uint8 or len(pictures) != labels.size:
            raise MissingData(f"{path} holds {pictures.shape} {pictures.dtype}; expected (n, 32, 32, 3) uint8")
    return Pictures(x, y.ravel().astype(np.int64), x_test, y_test.ravel().astype(np.int64), CIFAR10_LABELS)


def _read_arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return [file[name] for name in ("x_train", "y_train", "x_test", "y_test")]


def _read_batches(path: Path) -> list[NDArray[Any]]:
    """The batches of the tar file: each a pickled dictionary of rows, red, green and blue one after the other."""
    with tarfile.open(path) as archive:
        found = {Path(member.name).name: member for member in archive if Path(member.name).name in BATCHES}
        batches = [_Batches(io.BytesIO(_content(archive, found[name]))).load() for name in BATCHES]
    planes = [batch[b"data"].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1) for batch in batches]
    labels = [np.asarray(batch[b"labels"]) for batch in batches]
    return [np.concatenate(planes[:-1]), np.concatenate(labels[:-1]), np.ascontiguousarray(planes[-1]), labels[-1]]


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None:
        raise ValueError(f"{member.name} is not a file")
    return file.read()


class _Batches(pickle.Unpickler):
    """Reads pickled arrays and nothing else: a data file must not be able to run code."""

    ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype", "encode"})
    MODULES = frozenset({"numpy", "numpy.core.multiarray", "numpy._core.multiarray", "_codecs"})

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="bytes")

    def find_class(self, module: str, name: str) -> Any:
        """The few functions that arrays are rebuilt with."""
        if module not in self.MODULES or name not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a data file")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def draw_sample() -> Pictures:
    """1,000 coloured shapes to learn and 200 to test on; always the same ones."""
    rng = np.random.default_rng(SAMPLE_SEED)
    labels = np.arange(SAMPLE_TRAIN + SAMPLE_TEST, dtype=np.int64) % len(SAMPLE_LABELS)
    pictures = np.stack([_drawn(SAMPLE_LABELS[label], rng) for label in labels])
    cut = SAMPLE_TRAIN
    return Pictures(pictures[:cut], labels[:cut], pictures[cut:], labels[cut:], SAMPLE_LABELS)


def _drawn(label: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A shape of about half the picture's side on an even ground, both with noise."""
    colour, shape = label.split()
    canvas = np.full((SIDE, SIDE, 3), rng.integers(60, 200, 3), np.uint8)
    x, y = rng.integers(12, 20, 2).tolist()
    radius = int(rng.integers(7, 11))
    corners = ((x, y - radius), (x - radius, y + radius), (x + radius, y + radius))
    ink = COLOURS[colour]
    match shape:
        case "disc":
            cv2.circle(canvas, (x, y), radius, ink, -1)
        case "ring":
            cv2.circle(canvas, (x, y), radius, ink, 3)
        case "square":
            cv2.rectangle(canvas, (x - radius, y - radius), (x + radius, y + radius), ink, -1)
        case "cross":
            cv2.line(canvas, (x - radius, y), (x + radius, y), ink, 4)
            cv2.line(canvas, (x, y - radius), (x, y + radius), ink, 4)
        case _:
            cv2.fillPoly(canvas, [np.array(corners)], ink)
    noisy = canvas + rng.normal(0, 12, canvas.shape)
    return noisy.clip(0, 255).astype(np.uint8)
