"""Convolutions on maps of at most 2 x 2, as the dense products they are.

A 3 x 3 convolution with padding multiplies every position with nine taps of its kernel; on a 2 x 2 map 20 of these 36
products meet nothing but padding, on a 1 x 1 map 8 of 9. Here each tap multiplies only the positions it reaches.
"""

from functools import partial
from itertools import product
from typing import Any

import keras
import tensorflow as tf

from app.families.contract import Network

LARGEST = 2


def multiply_densely(network: Network) -> None:
    """Let every convolution of the network that pays for padding skip it; weights and results stay what they are."""
    for layer in network.layers:
        if _pays_for_padding(layer):
            # Keras lets a layer's convolution be replaced through this method.
            layer.convolution_op = partial(_convolve, size=layer.input.shape[1:3])


def _pays_for_padding(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv2D
        and layer.kernel_size == (3, 3)
        and layer.strides == layer.dilation_rate == (1, 1)
        and layer.padding == "same"
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and all(side is not None and side <= LARGEST for side in layer.input.shape[1:3])
    )


def _convolve(inputs: Any, kernel: Any, size: tuple[int, int]) -> Any:
    """`inputs` (n, h, w, c) with `kernel` (3, 3, c, f), padded: (n, h, w, f); h and w, `size`, are at most 2."""
    height, width = size
    taps = tf.unstack(tf.reshape(kernel, (9, *kernel.shape[2:])))
    parts = []
    for tap, (down, right) in zip(taps, product((-1, 0, 1), repeat=2), strict=True):
        if abs(down) < height and abs(right) < width:
            rows = slice(max(0, down), height + min(0, down))
            columns = slice(max(0, right), width + min(0, right))
            reached = tf.tensordot(inputs[:, rows, columns], tap, 1)
            parts.append(tf.pad(reached, [(0, 0), _around(down), _around(right), (0, 0)]))
    return tf.add_n(parts)


def _around(offset: int) -> tuple[int, int]:
    """How much is missing before and after, where a tap that looks `offset` away finds nothing."""
    return max(0, -offset), max(0, offset)
