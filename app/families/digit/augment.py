"""Digits moved and bent as hands do: a seeded affine map for each picture of a batch."""

from typing import Any

import tensorflow as tf

ANGLE = 0.2  # radians
SCALE = 0.12
SHEAR = 0.2
SHIFT = 2.5  # pixels
CENTRE = 13.5


def augment(pictures: Any, seed: Any) -> Any:
    """Pictures (n, 28, 28, 1) float32, each turned, scaled, sheared and shifted at random by `seed` (2,) int32."""
    count = tf.shape(pictures)[0]
    draws = tf.random.stateless_uniform((6, count), seed, -1.0, 1.0)
    angle, shear = ANGLE * draws[0], SHEAR * draws[1]
    wide, high = 1 + SCALE * draws[2], 1 + SCALE * draws[3]
    a, b = wide * tf.cos(angle), wide * (shear * tf.cos(angle) - tf.sin(angle))
    c, d = high * tf.sin(angle), high * (shear * tf.sin(angle) + tf.cos(angle))
    x = CENTRE + SHIFT * draws[4] - a * CENTRE - b * CENTRE
    y = CENTRE + SHIFT * draws[5] - c * CENTRE - d * CENTRE
    nothing = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=tf.stack([a, b, x, c, d, y, nothing, nothing], axis=1),
        output_shape=tf.shape(pictures)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
