"""The files that training on photographs needs, and whether a weights file fits its backbone."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from app.errors import MissingData
from app.families.contract import DataFile

APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications"
NO_TOP = "weights_tf_dim_ordering_tf_kernels_notop.h5"

# Weights without the classifier on top: how many numbers, and the shape of the first kernel.
SIZES = {"vgg16": (14_714_688, (3, 3, 3, 64)), "resnet50": (23_587_712, (7, 7, 3, 64))}


def check_weights(path: Path, backbone: str) -> None:
    """Raise MissingData, with the reason, unless the file holds the weights of the backbone without its classifier."""
    import h5py  # noqa: PLC0415  comes with the train extra, and only a training asks

    parameters, first = SIZES[backbone]
    try:
        with h5py.File(path) as file:
            shapes = list(_shapes(file))
    except OSError as fault:
        raise MissingData(f"{path} is not a weights file as Keras keeps them (HDF5): {fault}") from fault
    found = sum(_product(shape) for shape in shapes)
    if found != parameters or first not in shapes:
        raise MissingData(
            f"{path} does not fit {backbone}: it holds {found:,} weights in {len(shapes)} arrays, expected "
            f"{parameters:,} (ImageNet, without the classifier on top, a first kernel of {first})"
        )


def _shapes(file: Any) -> Iterator[tuple[int, ...]]:
    """The shapes of all weights, through whatever groups they are in."""
    for entry in file.values():
        if hasattr(entry, "values"):
            yield from _shapes(entry)
        else:
            yield entry.shape


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product


CIFAR10 = DataFile(
    name="cifar-10-python.tar.gz",
    origin="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    digest="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    also=("cifar10.npz", "cifar-10-batches-py-target_archive"),
)
IMAGENET = {
    "vgg16": DataFile(
        name=f"vgg16_{NO_TOP}",
        origin=f"{APPLICATIONS}/vgg16/vgg16_{NO_TOP}",
        digest="6d6bbae143d832006294945121d1f1fc",
        also=("vgg16_imagenet_notop.h5",),
        folder="models",
        check=partial(check_weights, backbone="vgg16"),
    ),
    "resnet50": DataFile(
        name=f"resnet50_{NO_TOP}",
        origin=f"{APPLICATIONS}/resnet/resnet50_{NO_TOP}",
        digest="4d473c1dd8becc155b73f8504c6f6626",
        also=("resnet50_imagenet_notop.h5",),
        folder="models",
        check=partial(check_weights, backbone="resnet50"),
    ),
}
