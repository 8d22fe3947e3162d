"""A grey picture of one digit becomes 28 x 28 numbers as MNIST's were made, or is refused as holding none."""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidRequest

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

# MNIST: a digit fits a box of 20, and its centre of mass lies on pixel (14, 14) of 28 x 28.
SIDE, BOX, CENTRE = 28, 20, 14.0
# All of MNIST lies within 0.52 of the centre; nearly twice that is still as good as centred.
OFF_CENTRE = 1.0
# The ink of every MNIST digit peaks above 250; much paler pictures need stretching.
FULL_INK = 200

# Everything is found at about this many pixels: strokes stay visible, sensor noise averages out, time stays bounded.
WORK_AREA = 400 * 400
# Below this side a picture is enlarged first, so that filters of a few pixels do not swallow strokes.
SMALL_SIDE = 96
# Light is estimated on a picture of this longer side, by a median over this share of the shorter side.
LIGHT_SIDE, LIGHT_SHARE = 80, 0.6
# Two tones each spread by less than this share of their distance: a drawing, with no light to estimate.
TONE_SPREAD = 0.12

# Ink weaker than this many grey levels cannot be told from paper by eye either.
FAINTEST = 14.0
# Ink must stand this many times above the noise of its ground.
OVER_NOISE = 5.0
# A stroke is what exceeds the low share of the peak and somewhere the high one.
PEAK_HIGH, PEAK_LOW = 0.5, 0.33

# Parts below this share of the main part's ink are dust.
DUST = 0.025
# Parts this close to the digit, as a share of its longer side, belong to it.
REACH = 0.35
# A digit holds at least this share of all ink; noise is scattered.
OWN_SHARE = 0.5
# Along a side of the picture, this much contact is an edge of paper or table rather than a stroke.
EDGE_CONTACT = 0.6

# Strokes are measured and mended at this many pixels per MNIST pixel.
FINE = 5
# MNIST's stroke widths: 98 % lie between 1.9 and 5.4 pixels, half between 2.6 and 3.4.
THIN, THICK = 2.2, 3.8

EMPTY = "no digit found: the picture is empty; expected one digit in ink that stands out from its ground"
SCATTERED = "no digit found: the picture holds only noise or scattered marks; expected one digit"


def normalise(grey: Bytes) -> Floats:
    """One digit in a (h, w) uint8 picture as (28, 28) float32 in [0, 1], bright ink on 0; InvalidRequest if none."""
    ready = _as_it_is(grey)
    if ready is not None:
        return ready
    ink = _ink(_working_size(grey))
    mask = _digit(ink)
    return _centred(_boxed(_even_strokes(_fine(ink, mask))))


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
    return np.multiply(ink, np.float32(1 / 255), dtype=np.float32)


def _working_size(grey: Bytes) -> Bytes:
    """The picture at a size where strokes are some pixels wide, (h, w) uint8."""
    height, width = grey.shape
    scale = min(1.0, (WORK_AREA / (height * width)) ** 0.5)
    if max(height, width) < SMALL_SIDE:
        scale = SMALL_SIDE / max(height, width)
    if scale == 1.0:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return _u8(cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def _ink(tone: Bytes) -> Floats:
    """How far each pixel stands out from its ground, (h, w) float32, ink positive."""
    threshold, high = cv2.threshold(tone, 0, 255, cv2.THRESH_OTSU)
    light = tone[high > 0]
    dark = tone[high == 0]
    if not light.size or not dark.size:
        raise InvalidRequest(EMPTY)
    tones = float(np.median(dark)), float(np.median(light))
    spread = max(_spread(dark), _spread(light))
    if spread < TONE_SPREAD * (tones[1] - tones[0]):
        ink = _ring_share(high) > 0.5
        return (tones[1] - tone.astype(np.float32)) if ink else (tone.astype(np.float32) - tones[0])
    relief = tone.astype(np.float32) - _light(tone)
    return -relief if float((relief**3).sum()) < 0 else relief


def _spread(values: Bytes) -> float:
    """Robust standard deviation."""
    return 1.4826 * float(np.median(np.abs(values.astype(np.float32) - np.median(values))))


def _ring_share(high: Bytes) -> float:
    """The share of the border that is light."""
    ring = np.concatenate([high[0], high[-1], high[:, 0], high[:, -1]])
    return float(np.count_nonzero(ring)) / ring.size


def _light(tone: Bytes) -> Floats:
    """The tone of the ground everywhere, (h, w) float32, free of strokes."""
    height, width = tone.shape
    scale = min(1.0, LIGHT_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = _u8(cv2.resize(tone, size, interpolation=cv2.INTER_AREA))
    reach = max(3, int(min(size) * LIGHT_SHARE) | 1)
    ground = cv2.GaussianBlur(cv2.medianBlur(small, reach), (0, 0), 2)
    return cv2.resize(ground, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _digit(ink: Floats) -> Bytes:
    """The pixels of the digit, (h, w) uint8 of 0 and 1: strokes without dust, edges and specks of noise."""
    smooth = cv2.GaussianBlur(ink, (0, 0), 1.0)
    noise = _spread(smooth)
    peak = float(np.partition(smooth.ravel(), -max(1, smooth.size // 1000))[-max(1, smooth.size // 1000)])
    if peak < max(FAINTEST, OVER_NOISE * noise):
        raise InvalidRequest(EMPTY)
    low = max(PEAK_LOW * peak, 3 * noise)
    mask = (smooth > low).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    strongest = np.zeros(count, np.float32)
    np.maximum.at(strongest, labels.ravel(), smooth.ravel())
    weights = np.bincount(labels.ravel(), smooth.ravel().clip(0), count)
    weights[strongest < PEAK_HIGH * peak] = 0
    weights[0] = 0
    total = weights.sum()
    kept = _together(stats, weights)
    if not kept or sum(weights[k] for k in kept) < OWN_SHARE * total:
        raise InvalidRequest(SCATTERED)
    return np.isin(labels, kept).astype(np.uint8)


def _together(stats: NDArray[np.int32], weights: NDArray[np.float64]) -> list[int]:
    """The labels of the parts that make up the digit."""
    main = int(weights.argmax())
    kept = [main]
    x, y, w, h = (int(v) for v in stats[main, :4])
    box = [x, y, x + w, y + h]
    for part in np.argsort(-weights):
        if part == main or weights[part] < DUST * weights[main]:
            continue
        x, y, w, h = (int(v) for v in stats[part, :4])
        gap = max(x - box[2], box[0] - x - w, y - box[3], box[1] - y - h)
        if gap <= REACH * max(box[2] - box[0], box[3] - box[1]):
            kept.append(int(part))
            box = [min(box[0], x), min(box[1], y), max(box[2], x + w), max(box[3], y + h)]
    return kept


def _fine(ink: Floats, mask: Bytes) -> Bytes:
    """The strokes cut out and at FINE pixels per MNIST pixel, (h, w) uint8 of 0 and 1 with a margin."""
    x, y, w, h = cv2.boundingRect(mask)
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    full = float(np.percentile(ink[mask > 0], 75))
    part = cv2.copyMakeBorder((ink * near)[y : y + h, x : x + w], 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    scale = FINE * BOX / max(w, h)
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    part = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return (part > 0.5 * full).astype(np.uint8)


def _even_strokes(mask: Bytes) -> Bytes:
    """Strokes brought to between THIN and THICK where they are thinner or thicker, (h, w) uint8 of 0 and 1."""
    pad = 2 * FINE
    mask = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    width = 4 * float(depth[mask > 0].mean()) if mask.any() else 0.0
    if width < THIN * FINE:
        outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
        return (outside <= (THIN * FINE - width) / 2).astype(np.uint8)
    if width <= THICK * FINE:
        return mask
    reach = int(width) | 1
    ridge = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    cut = np.minimum((width - THICK * FINE) / 2, ridge - THICK * FINE / 2)
    return ((depth > cut) & (mask > 0)).astype(np.uint8)


def _boxed(mask: Bytes) -> Floats:
    """The digit with its longer side at BOX pixels, float32 in [0, 1]."""
    x, y, w, h = cv2.boundingRect(mask)
    if not w:
        raise InvalidRequest(EMPTY)
    scale = BOX / max(w, h)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    cut = mask[y : y + h, x : x + w].astype(np.float32)
    return cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _centred(digit: Floats) -> Floats:
    """The digit with its centre of mass in the middle of (28, 28)."""
    moments = cv2.moments(digit)
    height, width = digit.shape
    left = min(max(round(CENTRE - moments["m10"] / moments["m00"]), 0), SIDE - width)
    top = min(max(round(CENTRE - moments["m01"] / moments["m00"]), 0), SIDE - height)
    canvas = np.zeros((SIDE, SIDE), np.float32)
    canvas[top : top + height, left : left + width] = digit.clip(0, 1)
    return canvas


def _u8(array: object) -> Bytes:
    """The type that OpenCV's stubs do not tell."""
    return np.asarray(array, np.uint8)
