"""Digits moved, bent, thickened and thinned as hands and pens do, every one differently."""

import math
from typing import Any

import tensorflow as tf

# Half-widths of the uniform distributions that are drawn from.
ANGLE = math.radians(12)
SCALE = 0.12
ASPECT = 0.06
SHEAR = 0.2
SHIFT = 2.0  # pixels
THICKER = 1.0
THINNER = 0.7

SIDE = 28
CENTRE = (SIDE - 1) / 2


def augment(pictures: Any, seed: Any) -> Any:
    """Pictures (n, 28, 28, 1) float32 in 0..1, changed as `seed` (2,) int32 says, and as nothing else does."""
    draws = tf.random.stateless_uniform((7, tf.shape(pictures)[0]), seed, -1.0, 1.0)
    return _press(_move(pictures, draws), draws[6])


def _move(pictures: Any, draws: Any) -> Any:
    """Each picture turned, scaled, sheared and shifted about its centre."""
    angle, shear = ANGLE * draws[0], SHEAR * draws[1]
    wide, high = 1 + SCALE * draws[2] + ASPECT * draws[3], 1 + SCALE * draws[2] - ASPECT * draws[3]
    cosine, sine = tf.cos(angle), tf.sin(angle)
    a, b = wide * cosine, wide * (cosine * shear - sine)
    c, d = high * sine, high * (sine * shear + cosine)
    x = CENTRE * (1 - a - b) + SHIFT * draws[4]
    y = CENTRE * (1 - c - d) + SHIFT * draws[5]
    nothing = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=tf.stack([a, b, x, c, d, y, nothing, nothing], axis=1),
        output_shape=[SIDE, SIDE],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _press(pictures: Any, force: Any) -> Any:
    """Strokes made thicker where `force` (n,) in -1..1 is positive, thinner where it is negative."""
    force = tf.reshape(force, (-1, 1, 1, 1))
    around = tf.nn.avg_pool2d(pictures, 3, 1, "SAME")
    change = tf.where(force > 0, force * THICKER * around, force * THINNER * (1 - around))
    return tf.clip_by_value(pictures + change, 0.0, 1.0)
