"""A grey picture of one digit becomes 28 x 28 numbers as MNIST's were made, or is refused as holding none."""

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from app.errors import InvalidRequest
from app.families.digit.background import ENLARGED, SMALL_SIDE, STROKE_DEPTH, Bytes, Floats, foreground_maps
from app.families.digit.drawing import drawn_ink, is_framed
from app.families.digit.grid import without_grid
from app.families.digit.panels import find_panels, isolated, on_one_canvas
from app.families.digit.stroke_extraction import SEVERAL, Digit, are_several, digit_in, width_of

# MNIST: a digit fits a box of 20, and its centre of mass lies on pixel (14, 14) of 28 x 28.
SIDE, BOX, CENTRE = 28, 20, 14.0
# All of MNIST lies within 0.52 of the centre; nearly twice that is still as good as centred.
OFF_CENTRE = 1.0
# The ink of every MNIST digit peaks above 250; much paler pictures need stretching.
FULL_INK = 200

# Digits are sought at about this many pixels: strokes stay visible, sensor noise averages out, time stays bounded.
WORK_AREA = 400 * 400
# Strokes are cut where their ink is this share of what is common in them, or of what there is within so many of MNIST's
# pixels, where that is paler.
HALF, AROUND = 0.5, 3
# Strokes are measured and mended at this many pixels per MNIST pixel.
FINE = 5
# MNIST's stroke widths: 98 % lie between 1.9 and 5.4 pixels, half between 2.6 and 3.4.
THIN, THICK = 2.2, 3.8

NO_DIGIT = (
    "no digit found: the picture is empty or holds only noise; "
    "expected one digit with enough contrast to the background"
)


def normalise(grey: Bytes) -> Floats:
    """One digit in a (h, w) uint8 picture as (28, 28) float32 in [0, 1], bright ink on 0; InvalidRequest if none."""
    ready = _as_it_is(grey)
    if ready is not None:
        return ready
    drawing = drawn_ink(grey)
    if drawing and not drawing.several and not is_framed(drawing.mask):
        fitted = _fitted(drawing.ink, drawing.mask)
        if fitted is not None:
            return _centred(fitted)
    for picture in _pictures(grey):
        found = _found(picture)
        if found is not None:
            return found
    raise InvalidRequest(NO_DIGIT)


def _pictures(grey: Bytes) -> Iterator[Bytes]:
    """What may hold the digit, likeliest first: art without its grid, the tallest thing on a canvas, the whole."""
    art = without_grid(grey)
    if art is not None:
        yield art
    found = on_one_canvas(find_panels(grey))
    if are_several(np.array([(one.left, one.top, one.width, one.height) for one in found]).reshape(-1, 4)):
        raise InvalidRequest(SEVERAL)
    for panel in found[:1]:
        yield isolated(grey, panel)
    yield grey


def _found(grey: Bytes) -> Floats | None:
    """The digit of a picture, (28, 28); None if there is none."""
    drawing = drawn_ink(grey)
    if drawing and drawing.several:
        raise InvalidRequest(SEVERAL)
    fitted = _fitted(drawing.ink, drawing.mask) if drawing else None
    if fitted is not None:
        return _centred(fitted)
    for rivals in foreground_maps(_working_size(grey)):
        digits = [digit for foreground in rivals if (digit := digit_in(foreground)) is not None]
        if digits:
            best = max(digits, key=lambda digit: digit.evidence)
            if best.several:
                raise InvalidRequest(SEVERAL)
            return _centred(_boxed(_evened(_magnified(best), FINE)))
    return None


def laid_out(ink: Bytes) -> Bytes:
    """Strokes (h, w) uint8 on 0, of any size and place, as (28, 28) uint8: boxed and centred as MNIST's are."""
    x, y, w, h = cv2.boundingRect(ink)
    cut = np.asarray(_resized(ink[y : y + h, x : x + w], BOX / max(w, h)), np.float32)
    return np.asarray(_centred(cut.clip(0, 255)), np.uint8)


def _as_it_is(grey: Bytes) -> Floats | None:
    """A picture that already is as MNIST's are, scaled to [0, 1] and with bright ink; None for any other."""
    if grey.shape != (SIDE, SIDE):
        return None
    ink = cv2.bitwise_not(grey) if grey[0, 0] > 127 else grey
    _, _, width, height = cv2.boundingRect(ink)
    if not 0 < max(width, height) <= BOX:
        return None
    moments = cv2.moments(ink)
    mass = moments["m00"]
    off = max(abs(moments["m10"] / mass - CENTRE), abs(moments["m01"] / mass - CENTRE))
    if off > OFF_CENTRE or ink.max() < FULL_INK:
        return None
    return np.divide(ink, np.float32(255), dtype=np.float32)


def _working_size(grey: Bytes) -> Bytes:
    """The picture at a size where strokes are some pixels wide, (h, w) uint8."""
    scale = min(1.0, (WORK_AREA / grey.size) ** 0.5)
    if max(grey.shape) <= SMALL_SIDE:
        scale = ENLARGED / max(grey.shape)
    return grey if scale == 1.0 else np.asarray(_resized(grey, scale), np.uint8)


def _resized(picture: Any, scale: float) -> Any:
    """A picture of any type scaled, averaging when it shrinks."""
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _padded(picture: Any, margin: int) -> Any:
    """A picture with a margin of 0 all round."""
    return cv2.copyMakeBorder(picture, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)


def _fitted(ink: Bytes, mask: Bytes) -> Floats | None:
    """A drawing with its longer side at BOX pixels, float32 in [0, 1], strokes mended if need be; None for a block."""
    x, y, w, h = cv2.boundingRect(mask)
    unit = max(w, h) / BOX
    strokes = _padded(mask[y : y + h, x : x + w], 2 * math.ceil(unit))
    width, depth = width_of(strokes)
    if depth.max() > STROKE_DEPTH * max(w, h):
        return None
    if THIN <= width / unit <= THICK:
        cut = ink[y : y + h, x : x + w].astype(np.float32) / 255
        return np.asarray(_resized(cut, 1 / unit), np.float32).clip(0, 1)
    if unit < FINE:
        return _boxed(_evened(_magnified(Digit(0.0, ink.astype(np.float32), mask)), FINE))
    return _boxed(_evened(strokes, unit))


def _magnified(digit: Digit) -> Bytes:
    """The strokes cut out, the longer side BOX * FINE pixels, in a margin; (h, w) uint8 of 0 and 1."""
    x, y, w, h = cv2.boundingRect(digit.mask)
    near = cv2.dilate(digit.mask, np.ones((3, 3), np.uint8))
    full = float(np.percentile(digit.ink[digit.mask > 0], 75))
    cut = _padded((digit.ink * near)[y : y + h, x : x + w], 2)
    fine = _resized(cut, FINE * BOX / max(w, h))
    strokes = fine > HALF * np.minimum(full, cv2.dilate(fine, np.ones((AROUND * FINE | 1,) * 2, np.uint8)))
    return np.asarray(_padded(strokes.astype(np.uint8), 2 * FINE), np.uint8)


def _evened(strokes: Bytes, unit: float) -> Bytes:
    """Strokes (h, w) uint8 of 0 and 1 brought to between THIN and THICK; `unit` pixels are one of MNIST's."""
    width, depth = width_of(strokes)
    thin, thick = THIN * unit, THICK * unit
    if width < thin:
        outside = cv2.distanceTransform(1 - strokes, cv2.DIST_L2, 5)
        return np.asarray(outside <= (thin - width) / 2, np.uint8)
    if width <= thick:
        return strokes
    reach = int(width) | 1
    ridge = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    # Where a stroke is thinner than the rest, less is taken off, or it would vanish.
    cut = np.minimum((width - thick) / 2, ridge - thick / 2)
    return np.asarray((depth > cut) & (strokes > 0), np.uint8)


def _boxed(strokes: Bytes) -> Floats:
    """The digit with its longer side at BOX pixels, float32 in [0, 1]."""
    x, y, w, h = cv2.boundingRect(strokes)
    cut = strokes[y : y + h, x : x + w].astype(np.float32)
    return np.asarray(_resized(cut, BOX / max(w, h)), np.float32).clip(0, 1)


def _centred(digit: Floats) -> Floats:
    """The digit with its centre of mass in the middle of (28, 28)."""
    canvas = np.zeros((SIDE, SIDE), np.float32)
    top, left = (_start(digit.sum(axis=1 - axis)) for axis in (0, 1))
    canvas[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return canvas


def _start(profile: Floats) -> int:
    """Where a digit with this mass by row (or column) begins, for its mean to be in the middle of SIDE."""
    mean = float(profile @ np.arange(profile.size) / profile.sum())
    return min(max(round(CENTRE - mean), 0), SIDE - profile.size)
