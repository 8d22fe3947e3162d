"""Digits drawn by code, and photographs of them, for tests that must not depend on a data set."""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.families.digit.stroke_rendering import Floats, cover_of

Bytes = NDArray[np.uint8]


def draw_digit(
    digit: int,
    size: int = 280,
    thickness: float = 20.0,
    *,
    style: int = 0,
    tall: float = 0.7,
    centre: tuple[float, float] = (0.5, 0.5),
    turn: float = 0.0,
    ink: int = 0,
    ground: int = 255,
    wobble: float = 0.0,
    seed: int = 0,
) -> Bytes:
    """One digit on a plain ground, (size, size) uint8; thickness in pixels, `tall` and `centre` as shares of the size.

    `turn` is in degrees clockwise; `wobble` moves the control points by that share of the digit, as `seed` says.
    """
    cover = cover_of(
        digit, (size, size), thickness, style=style, tall=tall, centre=centre, turn=turn, wobble=wobble, seed=seed
    )
    return np.asarray(np.rint(ground + (ink - ground) * cover), np.uint8)


def on_paper(
    cover: Floats,
    *,
    seed: int = 0,
    paper: tuple[int, int, int] = (205, 200, 190),
    ink: tuple[int, int, int] = (40, 40, 60),
    shade: float = 0.4,
    noise: float = 4.0,
    blur: float = 1.0,
    table: float = 0.0,
    ruled: int = 0,
) -> Bytes:
    """A phone's photograph of a sheet, (h, w, 3) uint8.

    `shade` is how much darker the darkest corner is, `noise` the sensor's deviation, `table` the share of the width
    that a dark table takes at the left, `ruled` the distance of faint blue lines in pixels (0 for none).
    """
    rng = np.random.default_rng(seed)
    height, width = cover.shape
    scene = np.ones((height, width, 3)) * np.array(paper)
    if ruled:
        scene[ruled // 2 :: ruled] = np.array(paper) * (0.86, 0.9, 0.97)
    scene += cover[..., None] * (np.array(ink) - scene)
    if table:
        scene[:, : int(table * width)] = (70, 50, 35)
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * (columns - 0.5) + np.sin(angle) * (rows - 0.5)) / 1.42 + 0.5
    scene *= (1 - shade * slope)[..., None]
    if blur:
        scene = cv2.GaussianBlur(scene, (0, 0), blur)
    scene += rng.normal(0, noise, scene.shape)
    return np.asarray(np.clip(np.rint(scene), 0, 255), np.uint8)
