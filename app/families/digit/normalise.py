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
LIGHT_SHARE = 0.4
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
STROKE_DEPTH = 0.2
RING_DOUBT = 0.2

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
    ink, mask = _found(_working_size(grey))
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


def _found(tone: Bytes) -> tuple[Floats, Bytes]:
    """How far each pixel stands out from its ground, float32, and which are the digit's, uint8 of 0 and 1; (h, w)."""
    drawing = _drawing(tone)
    if drawing is not None:
        ink, noise = _without_noise(drawing)
        return ink, _digit(ink, _parts(tone, ink, noise), noise)
    sheet = _sheet(tone)
    if sheet is not None:
        return _found(sheet)
    ink, noise = _without_noise(_relief(tone))
    dark, light = _parts(tone, -ink, noise), _parts(tone, ink, noise)
    if _evidence(dark) >= _evidence(light):
        return -ink, _digit(-ink, dark, noise)
    return ink, _digit(ink, light, noise)


def _drawing(tone: Bytes) -> Floats | None:
    """The relief of a picture in two tones, one of them in strokes; None if the light is uneven or there are more."""
    _, high = cv2.threshold(tone, 0, 1, cv2.THRESH_OTSU)
    light, dark = tone[high > 0], tone[high == 0]
    if not light.size or not dark.size:
        raise InvalidRequest(EMPTY)
    bright, dim = float(np.median(light)), float(np.median(dark))
    dark_ink = _ground_is(high)
    strokes = 1 - high if dark_ink else high
    if max(_spread(light, bright), _spread(dark, dim)) > TONE_SPREAD * (bright - dim):
        return None
    if cv2.distanceTransform(strokes, cv2.DIST_L2, 3).max() > STROKE_DEPTH * tone.size**0.5:
        return None
    tones = tone.astype(np.float32)
    return bright - tones if dark_ink else tones - dim


def _spread(values: Bytes, middle: float) -> float:
    """How far four values in five lie from the middle at most."""
    return float(np.percentile(np.abs(values.astype(np.float32) - middle), 80))


def _ground_is(high: Bytes) -> bool:
    """Whether the light class (1 of 0 and 1) is the ground: it has the border, or lies in more pieces between ink."""
    share = float(np.concatenate([high[0], high[-1], high[:, 0], high[:, -1]]).mean())
    if abs(share - 0.5) > RING_DOUBT:
        return share > 0.5
    pieces = [_pieces(high), _pieces(1 - high)]
    return pieces[0] > pieces[1] if pieces[0] != pieces[1] else float(high.mean()) > 0.5


def _pieces(mask: Bytes) -> int:
    """The number of parts that are more than specks."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    return int((stats[1:, cv2.CC_STAT_AREA] > 0.002 * mask.size).sum())


def _sheet(tone: Bytes) -> Bytes | None:
    """The inside of a light sheet that lies on a dark table within the picture; None if there is none such."""
    height, width = tone.shape
    reach = max(3, int(min(height, width) * 0.06)) | 1
    closed = cv2.morphologyEx(tone, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    _, high = cv2.threshold(cv2.GaussianBlur(closed, (0, 0), 2), 0, 1, cv2.THRESH_OTSU)
    if np.concatenate([high[0], high[-1], high[:, 0], high[:, -1]]).mean() > 0.3:
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats(high)
    part = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    contour = max(
        cv2.findContours((labels == part).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0],
        key=cv2.contourArea,
    )
    sides = cv2.minAreaRect(contour)[1]
    if (
        min(sides) < 0.15 * min(height, width)
        or min(sides) < 0.35 * max(sides)
        or cv2.contourArea(contour) < 0.82 * sides[0] * sides[1]
    ):
        return None
    inside = np.zeros_like(tone)
    cv2.drawContours(inside, [contour], -1, 1, -1)
    rim = max(2, int(0.03 * min(sides)))
    inside = cv2.erode(
        inside, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1
    )
    x, y, w, h = cv2.boundingRect(inside)
    cut = np.where(inside, tone, np.uint8(np.median(tone[inside > 0])))[y : y + h, x : x + w]
    return np.ascontiguousarray(cut)


def _relief(tone: Bytes) -> Floats:
    """Height over a ground that light and shadow make uneven: a wide median follows both and drops strokes."""
    reach = max(3, int(min(tone.shape) * LIGHT_SHARE) | 1)
    ground = cv2.medianBlur(tone, reach)
    relief = tone.astype(np.float32) - ground
    strong = _peak(np.abs(relief)) * 0.4
    ground = cv2.medianBlur(np.where(np.abs(relief) > strong, ground, tone), reach)
    return tone.astype(np.float32) - ground


def _without_noise(relief: Floats) -> tuple[Floats, float]:
    """The relief smoothed until a peak stands out, and the noise that is left in it."""
    smooth, noise = relief, 0.0
    for blur in (1.0, 2.0):
        smooth = cv2.GaussianBlur(relief, (0, 0), blur)
        calm = np.abs(smooth - cv2.GaussianBlur(smooth, (0, 0), 2 * blur))
        noise = float(np.percentile(calm, 25)) / 0.32
        if _peak(np.abs(smooth)) > 10 * noise:
            break
    return smooth, noise


def _peak(ink: Floats) -> float:
    """The level that only the strongest 1 in 2000 pixels exceed."""
    few = max(1, ink.size // 2000)
    return float(np.partition(ink.ravel(), -few)[-few])


def _parts(tone: Bytes, ink: Floats, noise: float):
    """The connected parts of the ink without the edges of tables and sheets; see `_parts_above`."""
    ink = ink.copy()
    height, width = ink.shape
    window = max(5, int(0.03 * min(height, width))) | 1
    kernel = np.ones((window, window), np.uint8)
    smooth = cv2.GaussianBlur(tone, (0, 0), 1)
    step = cv2.dilate(smooth, kernel) - cv2.erode(smooth, kernel)
    for _ in range(3):
        peak = _peak(ink)
        labels, stats, weights = _strong(ink, peak, noise)
        if peak < max(FAINTEST, OVER_NOISE * noise):
            weights[:] = 0
            break
        bad = [
            k
            for k in np.flatnonzero(weights)
            if weights[k] > 0.02 * weights.max()
            and (_is_edge(labels, stats, int(k)) or _support(labels, stats, int(k), step, peak) < 0.7)
        ]
        if not bad:
            break
        ink[cv2.dilate(np.isin(labels, bad).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0] = 0
    return labels, stats, weights


def _support(labels, stats, part, step, peak):
    x, y, w, h = (int(v) for v in stats[part, :4])
    mask = (labels[y : y + h, x : x + w] == part).astype(np.uint8)
    rim = mask - cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return float((step[y : y + h, x : x + w][rim > 0] > 0.35 * peak).mean())


def _evidence(parts) -> float:
    return float(parts[2].max())


def _digit(ink: Floats, parts, noise: float) -> Bytes:
    """The pixels of the digit, (h, w) uint8 of 0 and 1: strokes without dust, edges and specks of noise."""
    labels, stats, weights = parts
    total = weights.sum()
    if not total:
        raise InvalidRequest(EMPTY)
    kept = _together(stats, weights)
    if not kept or sum(weights[k] for k in kept) < OWN_SHARE * total:
        raise InvalidRequest(SCATTERED)
    return np.isin(labels, kept).astype(np.uint8)


def _strong(ink, peak, noise):
    """The connected parts that are strong somewhere: labels (h, w), their boxes and areas, their ink (0: none)."""
    first = None
    for share in (0.33, 0.45, 0.57, 0.7):
        mask = (ink > max(share * peak, 3 * noise)).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        strongest = np.zeros(count, np.float32)
        np.maximum.at(strongest, labels.ravel(), ink.ravel())
        weights = np.bincount(labels.ravel(), ink.ravel().clip(0), count)
        weights[strongest < (share + 0.15) * peak] = 0
        weights[0] = 0
        parts = labels, stats, weights
        first = first or parts
        height, width = mask.shape
        across = (stats[:, 2] >= width - 2) | (stats[:, 3] >= height - 2)
        if not (across & (weights > 0)).any():
            return parts
    return first


def _is_edge(labels, stats, part) -> bool:
    """Whether a part runs along sides of the picture as a table's or a sheet's edge does."""
    x, y, w, h, area = (int(v) for v in stats[part])
    height, width = labels.shape
    contacts = [float((side == part).mean()) for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1])]
    full = sum(contact > EDGE_CONTACT for contact in contacts)
    return full > 1 or (full == 1 and area > 0.6 * w * h)


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
