"""A grey picture of one digit becomes 28 x 28 numbers as MNIST's were made, or is refused as holding none."""

from collections.abc import Iterator
from typing import Any, NamedTuple

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
# A picture of at most this side is enlarged, lest filters swallow strokes; it has no room for uneven light either.
SMALL_SIDE, ENLARGED = 64, 128

# Two tones, each spread by less than this share of their distance, are a drawing with no light to estimate.
TONE_SPREAD = 0.1
# Ink that is deeper than this share of the longer side is no stroke but a shadow, a table or a sheet.
STROKE_DEPTH = 0.2
# A border that is nearer than this to half and half does not tell ink from ground.
RING_DOUBT = 0.35
# A picture this many times as tall as wide, cut at the ink, can only be a 1.
SLIM = 2.2

# Light is estimated by medians over these shares of the shorter side: narrow ones follow shadows, wide ones drop markers.
LIGHT_SHARES = (0.35, 0.65)
# Relief above this share of the peak is taken out before light is estimated again.
SURE_INK = 0.4

# A sheet of paper on a table: closing strokes of this share of the side leaves it a solid, nearly rectangular patch.
SHEET_CLOSING, SHEET_LEAST, SHEET_SLIM, SHEET_FILL, SHEET_SOLID = 0.06, 0.15, 0.35, 0.8, 0.95
# At most this share of the border is light when a sheet lies within the picture.
SHEET_RING = 0.3
# This share of a sheet is cut off along its rim, where it blends with the table.
SHEET_RIM = 0.03

# Ink weaker than this many grey levels cannot be told from paper by eye either.
FAINTEST = 14.0
FAINT_SHARE = 0.12
# Ink must stand this many times above the noise of its ground.
OVER_NOISE = 7.0
# Shares of the peak that count as ink; higher ones are tried while ruled lines cross the whole picture.
INK_SHARES = (0.33, 0.45, 0.57, 0.7)
# A part must be this much stronger somewhere than the share that it was cut at.
SEED = 0.15
EDGE_RIM = 0.01
CROWD = 30
MOST_PARTS = 6

# Along a side of the picture, this much contact is an edge of paper or table rather than a stroke ...
EDGE_CONTACT = 0.6
# ... if the part is as solid as a strip.
STRIP_FILL = 0.6
# Strokes are bounded by a step all round; what shadows leave over has one on one side only.
STEP_REACH, STEP_SHARE, BOUNDED = 0.025, 0.4, 0.8

# Parts below this share of the main part's ink are dust.
DUST = 0.025
# Parts this close to the digit, as a share of its longer side, belong to it.
REACH = 0.35
# A digit holds at least this share of all ink; noise is scattered.
OWN_SHARE = 0.5

# Strokes are measured and mended at this many pixels per MNIST pixel.
FINE = 5
# A digit has few holes, strokes of at most so many times its longer side in all, and is no block.
MOST_HOLES, LONGEST, BLOCK = 4, 7.0, 0.6
# MNIST's stroke widths: 98 % lie between 1.9 and 5.4 pixels, half between 2.6 and 3.4.
THIN, THICK = 2.2, 3.8

NO_DIGIT = (
    "no digit found: the picture is empty or holds only noise; "
    "expected one digit whose ink stands out from its ground"
)


class Parts(NamedTuple):
    """Connected ink: `labels` (h, w), `boxes` (n, 5) as x, y, width, height, area, and `weights` (n,), 0 if no ink."""

    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]
    weights: NDArray[np.float64]


def normalise(grey: Bytes) -> Floats:
    """One digit in a (h, w) uint8 picture as (28, 28) float32 in [0, 1], bright ink on 0; InvalidRequest if none."""
    ready = _as_it_is(grey)
    if ready is not None:
        return ready
    for tone, inks in _views(_working_size(grey)):
        found = [strokes for ink in inks if (strokes := _strokes(tone, ink)) is not None]
        if found:
            _, best, dbg = max(found, key=lambda strokes: strokes[0])
            globals()["LAST"] = dbg
            return _centred(_boxed(_even(best)))
    raise InvalidRequest(NO_DIGIT)


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
    if max(height, width) <= SMALL_SIDE:
        scale = ENLARGED / max(height, width)
    if scale == 1.0:
        return grey
    return _resized(grey, scale)


def _resized(picture: Any, scale: float) -> Any:
    """A picture of any type scaled, averaging when it shrinks."""
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _views(tone: Bytes) -> Iterator[tuple[Bytes | None, list[Floats]]]:
    """Ways to see ink in a picture, likeliest first, each as reliefs (h, w) float32 with the ink positive."""
    sheet = _sheet(tone)
    if sheet is not None:
        yield from _views(sheet)
    drawing = _drawing(tone)
    if drawing is not None:
        yield None, [drawing]
    reliefs = [_relief(tone, share) for share in LIGHT_SHARES]
    yield tone, [sign * relief for relief in reliefs for sign in (-1, 1)]


def _drawing(tone: Bytes) -> Floats | None:
    """The relief of a picture in two tones, one of them in strokes; None if the light is uneven or there are more."""
    calm = cv2.GaussianBlur(tone, (0, 0), 1.5)
    _, high = cv2.threshold(calm, 0, 1, cv2.THRESH_OTSU)
    light, dark = calm[high > 0], calm[high == 0]
    if not light.size or not dark.size:
        return None
    bright, dim = float(np.median(light)), float(np.median(dark))
    ink_is_dark = _ground_is(high)
    ink = 1 - high if ink_is_dark else high
    ground_spread = _spread(light, bright) if ink_is_dark else _spread(dark, dim)
    if max(tone.shape) != ENLARGED and (
        ground_spread > TONE_SPREAD * (bright - dim)
        or min(cv2.distanceTransform(ink, cv2.DIST_L2, 3).max(), min(tone.shape) / 2) > STROKE_DEPTH * max(tone.shape)
    ):
        return None
    tones = tone.astype(np.float32)
    return bright - tones if ink_is_dark else tones - dim


def _spread(values: Any, middle: float) -> float:
    """How far four values in five lie from the middle at most."""
    return float(np.percentile(np.abs(values.astype(np.float32) - middle), 80))


def _ring(picture: Any) -> Any:
    """The pixels along the border, (n,)."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _ground_is(mask: Any) -> bool:
    """Whether the class that is 1 of 0 and 1 is the ground: it has the border, or lies in pieces between the ink."""
    share = float(_ring(mask).mean())
    height, width = mask.shape
    if height > SLIM * width and 0.001 < share < 0.999:
        return float(mask[:, width // 2].mean()) < 0.5
    pieces, others = _pieces(mask), _pieces(1 - mask)
    if abs(share - 0.5) > RING_DOUBT or pieces == others:
        return share > 0.5
    return pieces > others


def _pieces(mask: Any) -> int:
    """The number of parts that are more than specks."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    return int((boxes[1:, cv2.CC_STAT_AREA] > 0.002 * mask.size).sum())


def _sheet(tone: Bytes) -> Bytes | None:
    """The inside of a light sheet that lies on a dark table within the picture; None if there is none such."""
    shorter = min(tone.shape)
    closing = np.ones((int(shorter * SHEET_CLOSING) | 1,) * 2, np.uint8)
    closed = cv2.GaussianBlur(cv2.morphologyEx(tone, cv2.MORPH_CLOSE, closing), (0, 0), 2)
    _, high = cv2.threshold(closed, 0, 1, cv2.THRESH_OTSU)
    if _ring(high).mean() > SHEET_RING:
        return None
    contours, _ = cv2.findContours(high, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    contour = max(contours, key=cv2.contourArea)
    area, (short, long) = cv2.contourArea(contour), sorted(cv2.minAreaRect(contour)[1])
    if short < SHEET_LEAST * shorter or short < SHEET_SLIM * long or area < SHEET_FILL * short * long:
        return None
    if area < SHEET_SOLID * cv2.contourArea(cv2.convexHull(contour)):
        return None
    if len(cv2.approxPolyDP(contour, 0.03 * cv2.arcLength(contour, True), True)) != 4:
        return None
    if cv2.distanceTransform(high, cv2.DIST_L2, 3).max() < 0.08 * long:
        return None
    rim = 2 * max(2, int(SHEET_RIM * short)) + 1
    inside = cv2.drawContours(np.zeros_like(tone), [contour], -1, 1, -1)
    inside = cv2.erode(inside, np.ones((rim, rim), np.uint8))
    x, y, w, h = cv2.boundingRect(inside)
    paper = np.uint8(np.median(tone[inside > 0]))
    return np.ascontiguousarray(np.where(inside, tone, paper)[y : y + h, x : x + w])


def _relief(tone: Bytes, share: float) -> Floats:
    """Height over a ground that light and shadow make uneven; the median follows both and drops strokes."""
    reach = max(3, int(min(tone.shape) * share) | 1)
    tones = tone.astype(np.float32)
    ground = cv2.medianBlur(tone, reach)
    rough = np.abs(tones - ground)
    ground = cv2.medianBlur(np.where(rough > SURE_INK * _peak(rough), ground, tone), reach)
    return tones - ground


def _peak(ink: Floats) -> float:
    """The level that only the strongest 1 in 2000 pixels exceed."""
    few = max(1, ink.size // 2000)
    return float(np.partition(ink.ravel(), -few)[-few])


def _strokes(tone: Bytes | None, relief: Floats) -> tuple[float, Bytes] | None:
    """How much ink the digit has, and its strokes as `_fine` gives them; None if there is no digit."""
    ink, noise = _without_noise(relief)
    parts = _parts(tone, ink, noise)
    if parts is None:
        return None
    kept = _together(parts)
    if len(kept) > MOST_PARTS:
        return None
    weight = float(parts.weights[kept].sum())
    if weight < OWN_SHARE * parts.weights.sum():
        return None
    mask = np.isin(parts.labels, kept).astype(np.uint8)
    if tone is not None and np.median(ink[mask > 0]) < FAINT_SHARE * np.median(tone):
        return None
    global DBG
    DBG = [float(np.median(ink[mask > 0]))/(1+float(np.median(tone))) if tone is not None else -1, *[_bd(parts, kept, ink, tone, q) for q in (.25,.4,.5,.6)]] if tone is not None else []
    if DBG: weight *= DBG[3]**2
    return (weight, _fine(ink, mask), DBG) if _is_written(mask) else None


def _without_noise(relief: Floats) -> tuple[Floats, float]:
    """The relief smoothed until a peak stands out, and the noise that is left in it."""
    smooth, noise = relief, 0.0
    for blur in (1.0, 2.0):
        smooth = _f32(cv2.GaussianBlur(relief, (0, 0), blur))
        rough = np.abs(smooth - cv2.GaussianBlur(smooth, (0, 0), 2 * blur))
        noise = float(np.percentile(rough, 25)) / 0.32
        if _peak(smooth) > 10 * noise:
            break
    return smooth, noise


def _parts(tone: Bytes | None, ink: Floats, noise: float) -> Parts | None:
    """The strong parts of the ink without edges of tables, sheets and shadows; None if nothing stands out."""
    ink = ink.copy()
    parts = None
    for _ in range(3):
        peak = _peak(ink)
        if peak < max(FAINTEST, OVER_NOISE * noise):
            return None
        parts = _strong(ink, peak, noise)
        if np.count_nonzero(parts.weights > DUST * parts.weights.max()) > CROWD:
            return None
        edges = [int(k) for k in np.flatnonzero(parts.weights) if _is_edge(parts, int(k))]
        if tone is not None:
            edges += _unbounded(parts, ink, tone)
        if not edges:
            break
        around = cv2.dilate(np.isin(parts.labels, edges).astype(np.uint8), np.ones((2 * int(EDGE_RIM * min(ink.shape)) + 7,) * 2, np.uint8))
        ink[around > 0] = 0
        parts.weights[edges] = 0
    return parts if parts is not None and parts.weights.any() else None


def _strong(ink: Floats, peak: float, noise: float) -> Parts:
    """The parts that stand out; of several thresholds the first at which nothing crosses the picture, else the first."""
    tried = []
    for share in INK_SHARES:
        mask = (ink > max(share * peak, 3 * noise)).astype(np.uint8)
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        marked = labels.ravel()
        strongest = np.zeros(count, np.float32)
        np.maximum.at(strongest, marked, ink.ravel())
        weights = np.bincount(marked, ink.ravel().clip(0), count)
        weights[strongest < (share + SEED) * peak] = 0
        weights[0] = 0
        tried.append(Parts(labels, boxes, weights))
        across = (boxes[:, 2] >= mask.shape[1] - 2) | (boxes[:, 3] >= mask.shape[0] - 2)
        if not (across & (weights > 0)).any():
            return tried[-1]
    return tried[0]


def _is_edge(parts: Parts, part: int) -> bool:
    """Whether a part runs along sides of the picture as a table's or a sheet's edge does."""
    _, _, width, height, area = (int(v) for v in parts.boxes[part])
    labels = parts.labels
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    full = sum(float((side == part).mean()) > EDGE_CONTACT for side in sides)
    return full > 1 or (full == 1 and area > STRIP_FILL * width * height)


def _bd(parts, kept, ink, tone, q):
    global STEP_SHARE
    old = STEP_SHARE
    STEP_SHARE = q
    w = np.zeros_like(parts.weights); w[kept] = parts.weights[kept]
    r = _unbounded(Parts(parts.labels, parts.boxes, w), ink, tone, True)
    STEP_SHARE = old
    return float((r * w).sum() / w.sum())


def _unbounded(parts: Parts, ink: Floats, tone: Bytes, raw=False) -> list[int]:
    """The labels of parts whose outline is not nearly everywhere a step in the picture itself."""
    mask = (parts.weights > 0)[parts.labels]
    inner, outer = mask.astype(np.float32), 1 - mask.astype(np.float32)
    reach = (2 * max(3, int(STEP_REACH * min(ink.shape))) + 1,) * 2
    means = []
    for side in (inner, outer):
        share = cv2.boxFilter(side, -1, reach, borderType=cv2.BORDER_REPLICATE)
        means.append(cv2.boxFilter(side * tone, -1, reach, borderType=cv2.BORDER_REPLICATE) / np.maximum(share, 1e-6))
    rim = mask & (cv2.erode(_u8(mask), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0) == 0)
    marked = parts.labels[rim]
    count = len(parts.weights)
    lengths = np.maximum(np.bincount(marked, minlength=count), 1)
    needed = STEP_SHARE * parts.weights / np.maximum(parts.boxes[:, 4], 1)
    step = np.abs(means[0] - means[1])
    step[[0, -1]] = step[:, [0, -1]] = 0
    stepped = step[rim] > needed[marked]
    bounded = np.bincount(marked, stepped, minlength=count) / lengths
    if raw: return bounded
    return [int(k) for k in np.flatnonzero((parts.weights > 0) & (bounded < BOUNDED))]


def _together(parts: Parts) -> list[int]:
    """The labels of the parts that make up the digit: the main one and those near it that are more than dust."""
    boxes = np.concatenate([parts.boxes[:, :2], parts.boxes[:, :2] + parts.boxes[:, 2:4]], axis=1)
    order = [int(k) for k in np.argsort(-parts.weights)]
    kept, box = order[:1], boxes[order[0]].copy()
    for part in order[1:]:
        if parts.weights[part] < DUST * parts.weights[kept[0]]:
            break
        other = boxes[part]
        gap = max(*(other[:2] - box[2:]), *(box[:2] - other[2:]))
        if gap <= REACH * max(box[2:] - box[:2]):
            kept.append(part)
            box[:2] = np.minimum(box[:2], other[:2])
            box[2:] = np.maximum(box[2:], other[2:])
    return kept


def _fine(ink: Floats, mask: Bytes) -> Bytes:
    """The digit cut out, its longer side BOX * FINE pixels, in a margin; (h, w) uint8 of 0 and 1."""
    x, y, w, h = cv2.boundingRect(mask)
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    full = float(np.percentile(ink[mask > 0], 75))
    cut = cv2.copyMakeBorder((ink * near)[y : y + h, x : x + w], 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    strokes = (_resized(cut, FINE * BOX / max(w, h)) > 0.5 * full).astype(np.uint8)
    margin = 2 * FINE
    return _u8(cv2.copyMakeBorder(strokes, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0))


def _width(strokes: Bytes) -> tuple[float, Floats]:
    """The mean width of strokes in pixels, and how deep each pixel lies in them, (h, w) float32."""
    depth = _f32(cv2.distanceTransform(strokes, cv2.DIST_L2, 5))
    # Across a long stroke the depth rises from 0 to half the width and falls again: its mean is a quarter of the width.
    return 4 * float(depth[strokes > 0].mean()), depth


def _is_written(strokes: Bytes) -> bool:
    """Whether the strokes could be a digit's: not too many, not too tangled, no block."""
    x, y, w, h = cv2.boundingRect(strokes)
    cut = _u8(cv2.copyMakeBorder(strokes[y : y + h, x : x + w], 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0))
    width, depth = _width(cut)
    longer = max(w, h)
    if cut.sum() > LONGEST * longer * width or 2 * float(depth.max()) > BLOCK * longer:
        return False
    return _pieces(1 - cut) <= 1 + MOST_HOLES


def _even(strokes: Bytes) -> Bytes:
    """Strokes brought to between THIN and THICK where they are thinner or thicker, (h, w) uint8 of 0 and 1."""
    width, depth = _width(strokes)
    if width < THIN * FINE:
        outside = cv2.distanceTransform(1 - strokes, cv2.DIST_L2, 5)
        return (outside <= (THIN * FINE - width) / 2).astype(np.uint8)
    if width <= THICK * FINE:
        return strokes
    reach = int(width) | 1
    ridge = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    # Where a stroke is thinner than the rest, less is taken off, or it would vanish.
    cut = np.minimum((width - THICK * FINE) / 2, ridge - THICK * FINE / 2)
    return ((depth > cut) & (strokes > 0)).astype(np.uint8)


def _boxed(strokes: Bytes) -> Floats:
    """The digit with its longer side at BOX pixels, float32 in [0, 1]."""
    x, y, w, h = cv2.boundingRect(strokes)
    cut = strokes[y : y + h, x : x + w].astype(np.float32)
    return _f32(_resized(cut, BOX / max(w, h))).clip(0, 1)


def _centred(digit: Floats) -> Floats:
    """The digit with its centre of mass in the middle of (28, 28)."""
    height, width = digit.shape
    mass = digit.sum()
    left = min(max(round(CENTRE - float(digit.sum(axis=0) @ np.arange(width) / mass)), 0), SIDE - width)
    top = min(max(round(CENTRE - float(digit.sum(axis=1) @ np.arange(height) / mass)), 0), SIDE - height)
    canvas = np.zeros((SIDE, SIDE), np.float32)
    canvas[top : top + height, left : left + width] = digit
    return canvas


def _u8(array: Any) -> Bytes:
    """The type that OpenCV's stubs leave open."""
    return np.asarray(array, np.uint8)


def _f32(array: Any) -> Floats:
    """The type that OpenCV's stubs leave open."""
    return np.asarray(array, np.float32)
