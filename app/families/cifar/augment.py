"""Photographs flipped and shifted, every one differently."""

from typing import Any

import tensorflow as tf

SIDE = 32
SHIFT = 3  # pixels, at most; what comes in at the edge is the picture mirrored


def augment(pictures: Any, flipped: Any, seed: Any) -> Any:
    """Pictures (n, 32, 32, 3) float32: those of `flipped` (n,) bool mirrored, all shifted as `seed` (2,) int32 says."""
    draws = tf.random.stateless_uniform((2, tf.shape(pictures)[0]), seed)
    right, down = tf.unstack(tf.floor(draws * (2 * SHIFT + 1)) - SHIFT)
    direction = tf.where(flipped, -1.0, 1.0)
    start = tf.where(flipped, SIDE - 1.0, 0.0)
    nothing, one = tf.zeros_like(right), tf.ones_like(right)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=tf.stack([direction, nothing, start + right, nothing, one, down, nothing, nothing], axis=1),
        output_shape=[SIDE, SIDE],
        fill_value=0.0,
        interpolation="NEAREST",
        fill_mode="REFLECT",
    )
