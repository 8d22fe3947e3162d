"""Digits as people write them beside MNIST: ones with flags, sevens with bars, slants, pens and uneven pressure."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from app.families.digit.normalise import laid_out
from app.families.digit.stroke_rendering import STYLES, curve_through, moved

Bytes = NDArray[np.uint8]
Points = NDArray[np.float64]

# The canvas on which strokes are drawn before they are laid out, and the height of a digit on it, in pixels.
CANVAS, TALL = 160, 100.0
# Pens, as shares of a digit's height; nearly all of MNIST lies between 0.1 and 0.27.
THINNEST, THICKEST = 0.09, 0.24
# Half of what is drawn are ones and sevens more: MNIST has hardly a one with a flag.
LABELS = (1, 7) * 5 + (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
# One in so many is drawn with uneven pressure, down to this share of its ink.
UNEVEN, PALEST = 3, 0.35
# One in so many is made of squares, this many along a side.
SQUARED, FEWEST, MOST = 4, 7, 16


def write_digits(count: int, seed: int) -> tuple[Bytes, NDArray[np.int64]]:
    """Digits (count, 28, 28) uint8 laid out as MNIST's are, and their labels; the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    labels = np.array(LABELS, np.int64)[np.arange(count) % len(LABELS)]
    return np.stack([_written(int(label), rng) for label in labels]), labels


def ink_of(strokes: Sequence[Points], pen: float) -> Bytes:
    """Strokes in pixels of the canvas, drawn with a pen of so many pixels: (160, 160) uint8, ink 255."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    lines = [np.rint(stroke * 16).astype(np.int32) for stroke in strokes]
    cv2.polylines(canvas, lines, False, 255, max(1, round(pen)), cv2.LINE_8, 4)
    return canvas


def placed(strokes: Sequence[Points], rng: np.random.Generator, wide: float, slant: float, turn: float) -> list[Points]:
    """Strokes of a unit box in the canvas: `wide` times as wide as tall, slanted, then turned by degrees."""
    angle = np.deg2rad(turn)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, 0.0], [-slant, 1.0]])
    tall = TALL * rng.uniform(0.8, 1.0)
    return [((stroke - 0.5) * (wide * tall, tall)) @ shear @ rotation + CANVAS / 2 for stroke in strokes]


def pressed(ink: Bytes, rng: np.random.Generator) -> Bytes:
    """Ink that is paler on one side of the picture, as a pencil leaves it."""
    rows, columns = np.mgrid[-1 : 1 : ink.shape[0] * 1j, -1 : 1 : ink.shape[1] * 1j]
    angle, palest = rng.uniform(0, 2 * np.pi), rng.uniform(PALEST, 0.9)
    slope = 1 / (1 + np.exp(-rng.uniform(4, 12) * (np.cos(angle) * columns + np.sin(angle) * rows)))
    return np.asarray(ink * (palest + (1 - palest) * slope), np.uint8)


def _written(digit: int, rng: np.random.Generator) -> Bytes:
    if digit == 1:
        strokes, slant = _one(rng), rng.uniform(-0.1, 0.35)
    elif digit == 7:
        strokes, slant = _seven(rng), rng.uniform(-0.05, 0.25)
    else:
        styles = STYLES[digit]
        wobble = rng.uniform(0, 0.05)
        strokes = [curve_through(moved(np.array(stroke), wobble, rng)) for stroke in styles[rng.integers(len(styles))]]
        slant = rng.uniform(-0.2, 0.35)
    wide = rng.uniform(0.5, 0.95)
    if rng.integers(SQUARED) == 0:
        ink = ink_of(placed(strokes, rng, 1.0 if digit == 1 else wide, slant / 3, 0.0), 0.1 * TALL)
        return laid_out(_squared(ink, int(rng.integers(FEWEST, MOST))))
    pen = TALL * rng.uniform(THINNEST, THICKEST)
    ink = ink_of(placed(strokes, rng, 1.0 if digit == 1 else wide, slant, rng.uniform(-4, 4)), pen)
    return laid_out(pressed(ink, rng) if rng.integers(UNEVEN) == 0 else ink)


def _squared(ink: Bytes, squares: int) -> Bytes:
    """Ink as pixel art of so many squares from its top to its bottom."""
    x, y, w, h = cv2.boundingRect(ink)
    side = h / squares
    size = (max(1, round(w / side)), squares)
    cover = cv2.resize(ink[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
    least = min(0.45 * 255, 0.5 * float(cover.max()))
    return np.kron(cover > least, np.full((8, 8), 255, np.uint8)).astype(np.uint8)


def _one(rng: np.random.Generator) -> list[Points]:
    """A stem; mostly with a flag of up to two thirds of it, 20 to 65 degrees from it; sometimes with a foot."""
    stem = np.array([(0.5, 0.0), (0.5 + rng.normal(0, 0.02), 0.5), (0.5, 1.0)])
    strokes = [curve_through(stem)]
    if rng.random() < 0.85:
        length, angle = rng.uniform(0.12, 0.68), np.deg2rad(rng.uniform(20, 65))
        tip = np.array([0.5 - length * np.sin(angle), length * np.cos(angle)])
        bend = tip / 2 + (0.25, 0.0) + rng.normal(0, 0.025, 2)
        strokes.append(curve_through(np.array([tip, bend, (0.5, 0.0)])))
    if rng.random() < 0.35:
        left, right, tilt = rng.uniform(0.12, 0.4), rng.uniform(0.12, 0.4), rng.normal(0, 0.02)
        strokes.append(np.array([(0.5 - left, 1.0 + tilt), (0.5 + right, 1.0 - tilt)]))
    return strokes


def _seven(rng: np.random.Generator) -> list[Points]:
    """A level bar and a leaning stem; some with a serif at the bar's left end, some crossed."""
    tilt = rng.uniform(-0.08, 0.06)
    left, corner, foot = (0.05, tilt), (0.92, 0.0), np.array([rng.uniform(0.2, 0.75), 1.0])
    middle = (np.array(corner) + foot) / 2 + (rng.uniform(-0.12, 0.04), 0.0)
    bar = np.array([left, (0.5, tilt / 2 + rng.normal(0, 0.03)), corner])
    strokes = [curve_through(bar), curve_through(np.array([corner, middle, foot]))]
    if rng.random() < 0.4:
        strokes.append(np.array([left, (0.05 + rng.normal(0, 0.02), tilt + rng.uniform(0.08, 0.25))]))
    if rng.random() < 0.4:
        reach, tilt = rng.uniform(0.15, 0.35), rng.normal(0, 0.05)
        strokes.append(np.array([(middle[0] - reach, middle[1] + tilt), (middle[0] + reach, middle[1] - tilt)]))
    return strokes
