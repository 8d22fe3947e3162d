"""Drawings on a perfectly even ground, as a canvas makes them: no light and no noise to be told from ink, so quick."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from app.families.digit.background import Bytes
from app.families.digit.stroke_extraction import DUST, FAINTEST, MOST_PARTS, are_several, width_of

# What a lossless drawing's ground may stray from its tone, in grey levels.
STRAY = 2
# Between ground and ink lie only the soft edges of strokes: fewer pixels than this many times the ink.
SOFT_EDGES = 1.5
# Ink is what is above this share of the strongest ...
INK_SHARE = 0.4
# ... or, where this many times the ink is paler, what is above these shares of the strongest, and of that around it.
PALE, PALEST, NEARBY = 0.3, 0.12, 0.5
# There is such paler ink if this much of it, as a share of the strong, is no soft edge.
PALE_BEYOND = 0.02
# Parts further from the largest than this share of its longer side are something else.
REACH = 0.5
# A frame runs along this share of at least so many sides of its box, which is no smaller than this.
FRAME_CONTACT, FRAME_SIDES, SMALL_FRAME = 0.9, 3, 24
# A digit leaves more of its picture free; what covers more is a sheet.
MOST_INK = 0.5


class Drawing(NamedTuple):
    """`ink` (h, w) uint8, 0 on the ground and up to 255, and its `mask` of 0 and 1; `several` if of several digits."""

    ink: Bytes
    mask: Bytes
    several: bool


def drawn_ink(grey: Bytes) -> Drawing | None:
    """What is drawn in a (h, w) uint8 picture; None for what is no such drawing."""
    background = int(grey[0, 0])
    rings = (grey[0], grey[-1], grey[:, 0], grey[:, -1])
    if any(abs(int(extreme) - background) > STRAY for ring in rings for extreme in (ring.min(), ring.max())):
        return None
    ink = np.asarray(cv2.absdiff(grey, np.full_like(grey, background)), np.uint8)
    peak = int(ink.max())
    if peak < FAINTEST:
        return None
    mask = (ink > INK_SHARE * peak).astype(np.uint8)
    inked = cv2.countNonZero(mask)
    if inked > MOST_INK * mask.size:
        return None
    soft = cv2.countNonZero((ink > STRAY).astype(np.uint8)) - inked
    if soft > PALE * inked and _is_pale_somewhere(ink, mask, peak):
        ink, mask, peak = _evenly(ink, mask, peak)
        inked = cv2.countNonZero(mask)
        soft = cv2.countNonZero((ink > STRAY).astype(np.uint8)) - inked
    return None if soft > SOFT_EDGES * inked else _parts(ink, mask, peak)


def is_framed(mask: Bytes) -> bool:
    """Whether ink, (h, w) of 0 and 1, runs straight along three sides of its own box, as a frame does."""
    x, y, w, h = cv2.boundingRect(mask)
    box = mask[y : y + h, x : x + w]
    sides = (box[0], box[-1], box[:, 0], box[:, -1])
    return min(w, h) >= SMALL_FRAME and sum(float(side.mean()) > FRAME_CONTACT for side in sides) >= FRAME_SIDES


def _is_pale_somewhere(ink: Bytes, mask: Bytes, peak: int) -> bool:
    """Whether there is paler ink beyond the soft edges of the strong."""
    beyond = cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0
    return int(np.count_nonzero(beyond & (ink > PALEST * peak))) > PALE_BEYOND * int(mask.sum())


def _evenly(ink: Bytes, mask: Bytes, peak: int) -> tuple[Bytes, Bytes, int]:
    """Ink, mask and peak where pale strokes count as much as strong ones: each is measured by the ink around it."""
    x, y, w, h = cv2.boundingRect(mask)
    width, _ = width_of(np.pad(mask[y : y + h, x : x + w], 1))
    reach = int(width) | 1
    around = cv2.dilate(ink, np.ones((reach, reach), np.uint8))
    share = ink.astype(np.float32) / np.maximum(around, max(1, int(PALEST * peak)))
    return np.asarray(share * 255, np.uint8), np.asarray((share > NEARBY) & (ink > PALEST * peak), np.uint8), 255


def _parts(ink: Bytes, mask: Bytes, peak: int) -> Drawing | None:
    """The few parts that make up a digit, stretched to 255; None when there are too many, or some lie apart."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = boxes[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    kept = areas > DUST * areas.max()
    if _surrounded(boxes[kept]):
        return None
    several = are_several(boxes[kept])
    if not several and (kept.sum() > MOST_PARTS or _scattered(boxes[kept])):
        return None
    if kept.sum() < count - 1:
        mask = kept[labels].astype(np.uint8)
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    return Drawing(np.asarray(cv2.convertScaleAbs(ink * near, alpha=255 / peak), np.uint8), mask, several)


def _scattered(boxes: NDArray[np.int32]) -> bool:
    """Whether a part, (n, 5), lies far from the tallest one."""
    starts, ends = boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]
    main = int(boxes[:, 3].argmax())
    gaps = np.maximum(starts - ends[main], starts[main] - ends).max(axis=1)
    return bool((gaps > REACH * boxes[main, 2:4].max()).any())


def _surrounded(boxes: NDArray[np.int32]) -> bool:
    """Whether one part lies within the box of another, (n, 5), as a digit does in a frame."""
    starts, ends = boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]
    within = (starts[:, None] >= starts).all(axis=2) & (ends[:, None] <= ends).all(axis=2)
    return bool(within.sum() > len(boxes))
