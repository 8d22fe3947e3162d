"""The strokes of one digit among everything that stands out in a picture: dust, edges, shadows, noise, other digits."""

from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from app.families.digit.background import SMALL_SIDE, Bytes, Floats, ForegroundMap, peak_of, pieces

# Ink weaker than this many grey levels, or than this share of the paper's tone, cannot be told from stains.
FAINTEST, FAINT_SHARE = 14.0, 0.12
# Ink must stand this many times above the noise of its ground; blurs of these pixels are tried to get there.
OVER_NOISE, WELL_OVER, BLURS = 7.0, 10.0, (1.0, 2.0)
# Of Gaussian noise one value in four is nearer to 0 than this share of its deviation.
QUARTILE = 0.32
# Shares of the peak that count as ink; higher ones are tried while ruled lines cross the whole picture.
INK_SHARES = (0.33, 0.45, 0.57, 0.7)
# A part must be this much stronger somewhere than the share that it was cut at.
SEED = 0.15
# Edges and shadows are taken out at most so often, each time with a rim of this share of the shorter side.
ROUNDS, EDGE_RIM = 3, 0.01

# Along a side of the picture, this much contact is an edge of paper or table and no stroke (more in a drawing) ...
EDGE_CONTACT, PLAIN_CONTACT = 0.6, 0.95
# ... if the part is as solid as a strip; one that covers as much of the picture as this is a 1 cut close.
STRIP_FILL, COVER_ALL = 0.6, 0.7
# A frame drawn round the digit keeps within this share of its sides, for at least that share of their lengths.
FRAME_RIM, FRAME_CONTACT = 0.04, 0.9
# Strokes are bounded by a step of this share of their ink nearly all round; shadows leave over what is on one side.
STEP_SHARE, BOUNDED = 0.4, 0.8
# In a drawing only smooth shades must be told from strokes, and the edges of tiny pictures are soft.
PLAIN_STEP_SHARE, PLAIN_BOUNDED = 0.13, 0.4
# A step is seen within this share of the shorter side.
STEP_REACH = 0.025

# Parts below this share of the main part's ink are dust.
DUST = 0.025
# Parts this close to the digit, as a share of its longer side, belong to it.
REACH = 0.35
# More parts than this, beside dust, are noise; so are more than these in one digit.
CROWD, MOST_PARTS = 30, 6
# A digit holds at least this share of all ink; noise is scattered.
OWN_SHARE = 0.5
# A digit has few holes, strokes of at most so many times its longer side in all, and is no block.
MOST_HOLES, LONGEST, BLOCK = 6, 7.0, 0.6

SEVERAL = "the picture shows several digits or letters side by side; send a picture of one digit"

# A digit beside another is at least this share of the taller one's height, and shares this much of the lower one's.
AS_TALL, LEVEL = 0.6, 0.6
# They overlap sideways by less than this share of the slimmer one.
OVERLAP = 0.25
# Two that are together this much as wide as tall are two; strokes of one digit are not.
WIDE = 0.95
# Two with this share of the height between them are two, if both are nearly as tall.
APART, NEARLY = 0.22, 0.75


class Digit(NamedTuple):
    """`mask` (h, w) uint8 of 0 and 1 on `ink` (h, w) float32, and how much clear-cut ink speaks for it.

    `several` when there are other digits beside it.
    """

    evidence: float
    ink: Floats
    mask: Bytes
    several: bool = False


class Parts(NamedTuple):
    """Connected ink: `labels` (h, w), `boxes` (n, 5) as x, y, width, height, area, and `weights` (n,), 0 if no ink."""

    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]
    weights: NDArray[np.float64]


def digit_in(foreground: ForegroundMap) -> Digit | None:
    """The digit that stands out in a relief; None if nothing there could be one."""
    ink, noise = _without_noise(foreground.ink)
    parts = _parts(foreground, ink, noise)
    if parts is None:
        return None
    kept = _together(parts)
    if len(kept) > MOST_PARTS or parts.weights[kept].sum() < OWN_SHARE * parts.weights.sum():
        return None
    mask = np.isin(parts.labels, kept).astype(np.uint8)
    if not foreground.plain and np.median(ink[mask > 0]) < FAINT_SHARE * np.median(foreground.tone):
        return None
    block = _blockiness(mask)
    if block > BLOCK:
        return None
    # Much ink speaks for a digit, but more so clear outlines and slim strokes: a lit sheet has more ink than any.
    weights = parts.weights[kept]
    outline = float(weights @ _bounded(foreground, parts)[kept] / weights.sum())
    evidence = float(weights.sum()) ** 0.5 * outline**8 * (1 - block) ** 2
    return Digit(evidence, ink, mask, are_several(parts.boxes[parts.weights > DUST * parts.weights.max()]))


def width_of(strokes: Bytes) -> tuple[float, Floats]:
    """The mean width of strokes in pixels, and how deep each pixel lies in them, (h, w) float32."""
    depth = np.asarray(cv2.distanceTransform(strokes, cv2.DIST_L2, 5), np.float32)
    # Across a long stroke the depth rises from 0 to half the width and falls again: its mean is a quarter of the width.
    return 4 * float(depth[strokes > 0].mean()), depth


def _without_noise(foreground: Floats) -> tuple[Floats, float]:
    """The relief smoothed until a peak stands out, and the noise that is left in it."""
    smooth, noise = foreground, 0.0
    for blur in BLURS:
        smooth = np.asarray(cv2.GaussianBlur(foreground, (0, 0), blur), np.float32)
        rough = np.abs(smooth - cv2.GaussianBlur(smooth, (0, 0), 2 * blur))
        noise = float(np.percentile(rough, 25)) / QUARTILE
        if peak_of(smooth) > WELL_OVER * noise:
            break
    return smooth, noise


def _parts(foreground: ForegroundMap, ink: Floats, noise: float) -> Parts | None:
    """The strong parts of the ink without edges of tables, sheets and shadows; None if nothing stands out."""
    ink = ink.copy()
    least = PLAIN_BOUNDED if foreground.plain else BOUNDED
    rim = np.ones((2 * int(EDGE_RIM * min(ink.shape)) + 7,) * 2, np.uint8)
    for _ in range(ROUNDS):
        peak = peak_of(ink)
        if peak < max(FAINTEST, OVER_NOISE * noise):
            return None
        parts = _strong(ink, peak, noise)
        if np.count_nonzero(parts.weights > DUST * parts.weights.max()) > CROWD:
            return None
        wrong = (parts.weights > 0) & (_edges(foreground, parts) | (_bounded(foreground, parts) < least))
        parts.weights[wrong] = 0
        if not wrong.any():
            break
        ink[cv2.dilate(wrong[parts.labels].astype(np.uint8), rim) > 0] = 0
    return parts if parts.weights.any() else None


def _strong(ink: Floats, peak: float, noise: float) -> Parts:
    """The parts that stand out, by the first threshold at which none crosses the picture, or else by the first."""
    tried = []
    for share in INK_SHARES:
        mask = (ink > max(share * peak, 3 * noise)).astype(np.uint8)
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        inked = mask > 0
        weights = np.bincount(np.asarray(labels)[inked], ink[inked], count).astype(np.float64)
        seeds = np.bincount(np.asarray(labels)[ink > (share + SEED) * peak], minlength=count)
        weights[seeds == 0] = 0
        tried.append(Parts(np.asarray(labels, np.int32), np.asarray(boxes, np.int32), weights))
        across = (boxes[:, 2] >= mask.shape[1] - 2) | (boxes[:, 3] >= mask.shape[0] - 2)
        if not (across & (weights > 0)).any():
            return tried[-1]
    return tried[0]


def _edges(foreground: ForegroundMap, parts: Parts) -> NDArray[np.bool_]:
    """Which parts run along sides of the picture as a table's or a sheet's edge does, (n,)."""
    labels, (height, width) = parts.labels, parts.labels.shape
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    count = len(parts.weights)
    least = PLAIN_CONTACT if foreground.plain else EDGE_CONTACT
    contacts = np.stack([np.bincount(side, minlength=count) > least * side.size for side in sides]).sum(axis=0)
    areas = parts.boxes[:, 4]
    strips = areas > STRIP_FILL * parts.boxes[:, 2] * parts.boxes[:, 3]
    along = (contacts > 1) | ((contacts == 1) & strips)
    along &= areas < COVER_ALL * height * width
    for part in np.flatnonzero(parts.weights > DUST * parts.weights.max()):
        along[part] |= _is_frame(parts, int(part))
    return np.asarray(along, np.bool_)


def _is_frame(parts: Parts, part: int) -> bool:
    """Whether a part runs straight along all four sides of its own box, as a field to write in does."""
    x, y, w, h, _ = (int(v) for v in parts.boxes[part])
    own = parts.labels[y : y + h, x : x + w] == part
    rim = max(1, int(FRAME_RIM * min(w, h)))
    sides = (own[:rim].any(axis=0), own[-rim:].any(axis=0), own[:, :rim].any(axis=1), own[:, -rim:].any(axis=1))
    return min(w, h) > SMALL_SIDE // 2 and min(float(side.mean()) for side in sides) > FRAME_CONTACT


def _bounded(foreground: ForegroundMap, parts: Parts) -> NDArray[np.float64]:
    """The share of each part's outline that is a step in the picture itself, (n,) in [0, 1]; 0 where it has no ink."""
    mask = (parts.weights > 0)[parts.labels]
    reach = (2 * max(3, int(STEP_REACH * min(mask.shape))) + 1,) * 2
    inner, outer = (_local_mean(foreground.tone, side, reach) for side in (mask, ~mask))
    step = np.abs(inner - outer) * foreground.gain
    if not foreground.plain:
        # Nothing is known of what lies beyond the border; a part that leans on it a lot is no digit in a photograph.
        step[[0, -1]] = 0
        step[:, [0, -1]] = 0
    beyond = 1.0 if foreground.plain else 0.0
    kernel = np.ones((3, 3), np.uint8)
    core = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=beyond)
    rim = mask & (core == 0)
    marked, count = parts.labels[rim], len(parts.weights)
    share = PLAIN_STEP_SHARE if foreground.plain else STEP_SHARE
    needed = share * parts.weights / np.maximum(parts.boxes[:, 4], 1)
    stepped = np.bincount(marked, step[rim] > needed[marked], count)
    return stepped / np.maximum(np.bincount(marked, minlength=count), 1)


def _local_mean(tone: Bytes, mask: NDArray[np.bool_], reach: tuple[int, int]) -> Any:
    """The mean tone around each pixel of those pixels that are in the mask, (h, w) float32."""
    weight = mask.astype(np.float32)
    share = cv2.boxFilter(weight, -1, reach, borderType=cv2.BORDER_REPLICATE)
    total = cv2.boxFilter(weight * tone, -1, reach, borderType=cv2.BORDER_REPLICATE)
    return total / np.maximum(share, 1e-6)


def _together(parts: Parts) -> list[int]:
    """The labels of the parts that make up the digit: the main one and those near it that are more than dust."""
    corners = np.concatenate([parts.boxes[:, :2], parts.boxes[:, :2] + parts.boxes[:, 2:4]], axis=1)
    order = [int(k) for k in np.argsort(-parts.weights)]
    kept, box = order[:1], corners[order[0]].copy()
    for part in order[1:]:
        if parts.weights[part] < DUST * parts.weights[kept[0]]:
            break
        other = corners[part]
        gap = max(*(other[:2] - box[2:]), *(box[:2] - other[2:]))
        if gap <= REACH * max(box[2:] - box[:2]):
            kept.append(part)
            box[:2] = np.minimum(box[:2], other[:2])
            box[2:] = np.maximum(box[2:], other[2:])
    return kept


def _blockiness(mask: Bytes) -> float:
    """The greatest width of strokes as a share of the longer side; 1 for what is too long or tangled for a digit."""
    x, y, w, h = cv2.boundingRect(mask)
    cut = cv2.copyMakeBorder(mask[y : y + h, x : x + w], 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    strokes = np.asarray(cut, np.uint8)
    width, depth = width_of(strokes)
    if strokes.sum() > LONGEST * max(w, h) * width or pieces(1 - strokes) > 1 + MOST_HOLES:
        return 1.0
    return 2 * float(depth.max()) / max(w, h)


def are_several(boxes: NDArray[np.int32]) -> bool:
    """Whether parts (n, 4 or more) as x, y, width, height are two digits or more, side by side."""
    if len(boxes) < 2:
        return False
    tallest = int(boxes[:, 3].max())
    tall = boxes[boxes[:, 3] >= AS_TALL * tallest]
    tall = tall[np.argsort(tall[:, 0])]
    return any(_are_two(one, other, tallest) for one, other in pairwise(tall))


def _are_two(one: NDArray[np.int32], other: NDArray[np.int32], tallest: int) -> bool:
    """Whether two parts, the left one first, are digits of their own."""
    x, y, w, h = (int(v) for v in one[:4])
    x2, y2, w2, h2 = (int(v) for v in other[:4])
    level = min(y + h, y2 + h2) - max(y, y2)
    gap = x2 - (x + w)
    if level < LEVEL * min(h, h2) or gap < -OVERLAP * min(w, w2):
        return False
    if min(h, h2) >= NEARLY * tallest and gap >= APART * tallest:
        return True
    return x2 + w2 - x >= WIDE * tallest and min(h, h2) >= NEARLY * tallest
