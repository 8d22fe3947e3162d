"""The networks for photographs: a small residual one, and ImageNet's with a new head."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from app.families.contract import Network, all_layers

INPUT = "image"
OUTPUT = "probabilities"
WHITENING = "whiten"
SHAPE = (32, 32, 3)

STAGES = ((64, 1), (192, 2), (256, 2))  # filters and residual convolutions of each
MOMENTUM = 0.6  # of the running figures of batch normalisation: few steps, so they must follow fast
SOFTNESS = 0.125  # the logits' scale, which keeps the first steps' confidence low
PATCH = 2
SMALLEST = 0.01  # added to the patches' variances, so that noise is not blown up

# What ImageNet's networks had subtracted, in the order red, green, blue, out of 255.
IMAGENET_MEAN = (123.68, 116.779, 103.939)
BACKBONES: dict[str, Callable[..., Any]] = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}
FIRST_KERNEL = {"vgg16": "block1_conv1", "resnet50": "conv1_conv"}
HEAD = ("head_flatten", "head_dense", "head_dropout", OUTPUT)


def compact(pictures: NDArray[np.float32], labels: int, dtype: str) -> Network:
    """2.5 million weights, 110 million multiplications: three stages, each halving the map and adding one residual.

    The first layer is not learned: it whitens the 2 x 2 patches of training pictures, (n, 32, 32, 3) in 0..1, each
    direction with both signs. The idea is that of Keller Jordan's "94% on CIFAR-10 in 3.29 Seconds" (2024), after
    David Page's "How to train your ResNet" (2019).
    """
    mean, deviation = pictures.mean(axis=(0, 1, 2)), pictures.std(axis=(0, 1, 2))
    kernel = whitening((pictures - mean) / deviation)
    given = keras.Input(SHAPE, name=INPUT)
    with _computing_in(dtype):
        x = layers.Rescaling((1 / deviation).tolist(), (-mean / deviation).tolist(), name="standardise")(given)
        whiten = layers.Conv2D(kernel.shape[-1], PATCH, name=WHITENING, trainable=False)
        x = layers.ReLU(name="whiten_relu")(whiten(x))
        whiten.kernel.assign(kernel)
        for number, (filters, depth) in enumerate(STAGES, start=1):
            x = _stage(x, filters, depth, f"stage{number}")
        x = layers.GlobalMaxPooling2D(name="pool")(x)
        x = layers.Dense(labels, use_bias=False, name="logits")(x)
        x = layers.Rescaling(SOFTNESS, name="soften", dtype="float32")(x)
        return keras.Model(given, layers.Softmax(name=OUTPUT, dtype="float32")(x))


def _stage(x: Any, filters: int, depth: int, name: str) -> Any:
    halved = residual = _convolution(x, filters, f"{name}_halve", pool=True)
    for number in range(1, depth + 1):
        residual = _convolution(residual, filters, f"{name}_residual{number}", pool=False)
    return layers.Add(name=f"{name}_add")([halved, residual])


def _convolution(x: Any, filters: int, name: str, *, pool: bool) -> Any:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv")(
        x
    )
    if pool:
        x = layers.MaxPooling2D(name=f"{name}_pool")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=1e-5, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def whitening(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """The kernel (2, 2, 3, 24) that turns patches of standardised pictures into uncorrelated numbers, twice."""
    patches = np.lib.stride_tricks.sliding_window_view(pictures, (PATCH, PATCH), axis=(1, 2))
    rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, PATCH * PATCH * pictures.shape[-1])
    variances, directions = np.linalg.eigh(rows.T @ rows / len(rows))
    scaled = (directions / np.sqrt(variances + SMALLEST)).T[::-1].reshape(-1, PATCH, PATCH, pictures.shape[-1])
    return np.concatenate([scaled, -scaled]).transpose(1, 2, 3, 0).astype(np.float32)


def transfer(backbone: str, weights: Path | None, preprocessing: str, labels: int, dtype: str) -> Network:
    """A backbone of keras.applications without its top, flat, and the textbooks' head: 256 dense units and dropout.

    `imagenet` preprocessing is part of the network: colours as the backbone was trained on, which was blue first, so
    that its first kernel is turned round instead of every picture.
    """
    given = keras.Input(SHAPE, name=INPUT)
    with _computing_in(dtype):
        prepared = given
        if preprocessing == "imagenet":
            offset = [-value for value in IMAGENET_MEAN]
            prepared = layers.Rescaling(255.0, offset=offset, name="centre")(given)
        base = BACKBONES[backbone](include_top=False, weights=weights and str(weights), input_tensor=prepared)
        if preprocessing == "imagenet":
            first = base.get_layer(FIRST_KERNEL[backbone])
            first.kernel.assign(np.asarray(first.kernel)[:, :, ::-1])
        flat, dense, dropout, output = HEAD
        x = layers.Flatten(name=flat)(base.output)
        x = layers.Dense(256, activation="relu", name=dense)(x)
        x = layers.Dropout(0.5, name=dropout)(x)
        x = layers.Dense(labels, activation="softmax", name=output, dtype="float32")(x)
    return keras.Model(given, x)


@contextmanager
def _computing_in(dtype: str) -> Iterator[None]:
    """The policy of layers made within, for those that keras.applications makes."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def all_but_whitening(network: Network) -> frozenset[str]:
    """What learns of the compact network."""
    return all_layers(network) - {WHITENING}


def head_and(unfreeze: int, network: Network) -> frozenset[str]:
    """The names of the head's layers and of the backbone's last `unfreeze`."""
    names = [layer.name for layer in network.layers]
    head = names.index(HEAD[0])
    return frozenset(names[max(0, head - unfreeze) :])
