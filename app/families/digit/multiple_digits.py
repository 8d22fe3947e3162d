"""Several digits in one picture: whether parts of ink stand beside each other as digits do, not as strokes of one."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SEVERAL = "the picture shows several digits or letters side by side; send a picture of one digit"

# A digit beside another is at least this share of the taller one's height, and shares this much of the lower one's.
AS_TALL, LEVEL = 0.6, 0.6
# They overlap sideways by less than this share of the slimmer one.
OVERLAP = 0.25
# Two that are together this much as wide as tall are two; strokes of one digit are not.
WIDE = 0.95
# Two with this share of the height between them are two, if both are nearly as tall.
APART, NEARLY = 0.22, 0.75


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
