"""Ways to see the ink of a picture: how far each pixel stands out from the ground beneath it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

# A picture of at most this side is enlarged, lest filters swallow strokes; it has no room for uneven light either.
SMALL_SIDE, ENLARGED = 64, 128

# A ground that spreads less than this share of its distance to the ink needs no light to be estimated.
TONE_SPREAD = 0.1
# Ink that is deeper than this share of the longer side is no stroke but a shadow, a table or a sheet.
STROKE_DEPTH = 0.2
# The border is looked at this share of the shorter side within, past the line that some programs draw round a canvas.
RING_INSET = 0.02
# A border that is at least this far from half and half tells ground from ink.
RING_DOUBT = 0.35
# A picture this many times as tall as wide, cut at the ink, can only be a 1: ground in the corners, ink all down.
SLIM = 2.2
# Parts below this share of the picture are specks.
SPECK = 0.002

# Light is estimated by medians over these shares of the shorter side: one follows shadows, one drops markers.
LIGHT_SHARES = (0.35, 0.65)
# OpenCV counts the pixels of a median's window in 16 bits.
MOST_REACH = 255
# What is darker than a shadow makes it is no dim paper but a table.
MOST_GAIN = 2.2
# Relief above this share of the peak is surely ink and is taken out before light is estimated again.
SURE_INK = 0.4

# At most this share of the border is light when a sheet lies within the picture.
SHEET_RING = 0.3
# Closing with this share of the shorter side leaves a sheet without its strokes.
SHEET_CLOSING = 0.06
# A sheet is this large beside the shorter side, not slimmer, fills its rectangle and has no bays; a 0 has and does not.
SHEET_LEAST, SHEET_SLIM, SHEET_FILL, SHEET_SOLID = 0.15, 0.35, 0.8, 0.95
# Its outline, smoothed by this share of its length, has four corners, and some margin is as deep as this share.
SHEET_SMOOTHING, SHEET_DEPTH = 0.03, 0.08
# This share of a sheet is cut off along its rim, where it blends with the table.
SHEET_RIM = 0.03


class ForegroundMap(NamedTuple):
    """`ink` (h, w) float32 in grey levels of full light, positive where `tone` (h, w) uint8 has ink.

    `gain` is what full light would multiply steps in tone by, (h, w) or one number; `plain` if the light was even.
    """

    tone: Bytes
    ink: Floats
    gain: Floats | float
    plain: bool


def foreground_maps(tone: Bytes) -> Iterator[list[ForegroundMap]]:
    """Ways to see ink in a picture, likeliest first; those in one list are rivals."""
    sheet = _sheet(tone)
    if sheet is not None:
        yield from foreground_maps(sheet)
    drawing = _drawing(tone)
    if drawing is not None:
        yield [ForegroundMap(tone, drawing, 1.0, True)]
    if max(tone.shape) != ENLARGED:
        yield [foreground for share in LIGHT_SHARES for foreground in _photograph(tone, share)]


def pieces(mask: Any) -> int:
    """The number of connected parts of a mask of 0 and 1 that are more than specks."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    return int((boxes[1:, cv2.CC_STAT_AREA] > SPECK * mask.size).sum())


def peak_of(ink: Floats) -> float:
    """The level that only the strongest 1 in 2000 pixels exceed."""
    few = max(1, ink.size // 2000)
    return float(np.partition(ink, -few, axis=None)[-few])


def _drawing(tone: Bytes) -> Floats | None:
    """The height over an even ground; None if the light is uneven or what stands out is no stroke."""
    calm = np.asarray(cv2.GaussianBlur(tone, (0, 0), 1.5), np.uint8)
    _, high = cv2.threshold(calm, 0, 1, cv2.THRESH_OTSU)
    if high.min() == high.max():
        return None
    bright, dim = float(np.median(calm[high > 0])), float(np.median(calm[high == 0]))
    ink_is_dark = _is_background(high)
    background, at = (high > 0, bright) if ink_is_dark else (high == 0, dim)
    if max(tone.shape) != ENLARGED:
        # Blurring evens noise out but lets ink run into a narrow ground.
        spread = min(_spread(picture[background], at) for picture in (tone, calm))
        depth = float(cv2.distanceTransform(1 - np.asarray(background, np.uint8), cv2.DIST_L2, 3).max())
        deep = min(depth, min(tone.shape) / 2) > STROKE_DEPTH * max(tone.shape)
        if deep or spread > TONE_SPREAD * (bright - dim):
            return None
    tones = tone.astype(np.float32)
    return _f32(bright - tones if ink_is_dark else tones - dim)


def _spread(values: Bytes, middle: float) -> float:
    """How far four values in five lie from the middle at most."""
    return float(np.percentile(np.abs(values.astype(np.float32) - middle), 80))


def _ring(picture: Any) -> Any:
    """The pixels along the border, (n,)."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _is_background(mask: Any) -> bool:
    """Whether the class that is 1 of 0 and 1 is the ground: it has the border, or lies in pieces between the ink."""
    height, width = mask.shape
    inset = int(RING_INSET * min(height, width))
    share = float(_ring(mask[inset : height - inset, inset : width - inset]).mean())
    if height > SLIM * width and 0 < share < 1:
        corners = int(mask[[0, 0, -1, -1], [0, -1, 0, -1]].sum())
        if corners != 2:
            return corners > 2
        columns = mask.mean(axis=0)
        return float(columns.max()) < float(1 - columns.min())
    own, others = pieces(mask), pieces(1 - mask)
    if abs(share - 0.5) > RING_DOUBT or own == others:
        return share > 0.5
    return own > others


def _sheet(tone: Bytes) -> Bytes | None:
    """The inside of a light sheet that lies on a dark table within the picture; None if there is none such."""
    shorter = min(tone.shape)
    closing = np.ones((int(shorter * SHEET_CLOSING) | 1,) * 2, np.uint8)
    closed = cv2.GaussianBlur(cv2.morphologyEx(tone, cv2.MORPH_CLOSE, closing), (0, 0), 2)
    _, high = cv2.threshold(closed, 0, 1, cv2.THRESH_OTSU)
    if _ring(high).mean() > SHEET_RING:
        return None
    contours, _ = cv2.findContours(high, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea, default=None)
    if contour is None or not _is_rectangle(contour, SHEET_LEAST * shorter):
        return None
    short, long = sorted(cv2.minAreaRect(contour)[1])
    if cv2.distanceTransform(high, cv2.DIST_L2, 3).max() < SHEET_DEPTH * long:
        return None
    rim = 2 * max(2, int(SHEET_RIM * short)) + 1
    inside = cv2.drawContours(np.zeros_like(tone), [contour], -1, 1, -1)
    inside = cv2.erode(inside, np.ones((rim, rim), np.uint8))
    x, y, w, h = cv2.boundingRect(inside)
    if not w:
        return None
    paper = np.uint8(np.median(tone[inside > 0]))
    return np.ascontiguousarray(np.where(inside, tone, paper)[y : y + h, x : x + w])


def _is_rectangle(contour: Any, least: float) -> bool:
    """Whether an outline is nearly a rectangle, seen from wherever, with sides of at least `least` pixels."""
    area = cv2.contourArea(contour)
    short, long = sorted(cv2.minAreaRect(contour)[1])
    if short < max(least, SHEET_SLIM * long) or area < SHEET_FILL * short * long:
        return False
    corners = cv2.approxPolyDP(contour, SHEET_SMOOTHING * cv2.arcLength(contour, True), True)
    return len(corners) == 4 and area > SHEET_SOLID * cv2.contourArea(cv2.convexHull(contour))


def _photograph(tone: Bytes, share: float) -> list[ForegroundMap]:
    """Dark and light ink on a ground that light and shadow make uneven: a median follows both and drops strokes."""
    reach = min(MOST_REACH, max(3, int(min(tone.shape) * share) | 1))
    tones = tone.astype(np.float32)
    background = np.asarray(cv2.medianBlur(tone, reach), np.uint8)
    rough = np.abs(tones - background)
    background = np.asarray(
        cv2.medianBlur(np.where(rough > SURE_INK * peak_of(rough), background, tone), reach), np.uint8
    )
    height = tones - background
    # Shadow dims paper and ink alike, so it is divided out; chalk on a black board only loses by that.
    gain = float(np.percentile(background, 90)) / np.maximum(background, 1).astype(np.float32)
    gain = _f32(np.where(gain > MOST_GAIN, 1, gain.clip(1)))
    return [ForegroundMap(tone, -height * gain, gain, False), ForegroundMap(tone, height, 1.0, False)]


def _f32(array: Any) -> Floats:
    """The type that OpenCV's stubs leave open."""
    return np.asarray(array, np.float32)
