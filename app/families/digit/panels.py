"""The digit on its canvas among frames, bars and buttons: a picture is cut along even rows and columns."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.families.digit.ground import Bytes

# A row or a column is even if its tones spread no further than this: rules, margins and edges of fields are.
EVEN = 20
# Things on one ground that are nearer to each other than this share of the larger one's longer side belong together.
NEAR = 0.3
# What is smaller than this share of the picture's shorter side, or so many pixels, is no digit but a sign or a letter.
LEAST_SHARE, LEAST = 0.04, 12
# What is this many times as wide as it is tall is a line of text or a bar.
WIDEST = 2.0
# A digit comes back with a margin of this share of its longer side.
MARGIN = 0.2
# A frame that a digit touches is at most this share of the whole, and followed by lines that are mostly ground.
RIM, MOSTLY = 0.2, 0.6
# Depth of cuts; a digit in a frame on a card in a window in a screenshot takes eight.
DEEPEST = 16


class Thing(NamedTuple):
    """What cannot be cut further: rows and columns of the picture, and the tone of the ground that it lies on."""

    top: int
    bottom: int
    left: int
    right: int
    ground: int

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left


def things(grey: Bytes) -> list[Thing]:
    """What lies on the canvases of a picture and is large enough for a digit, the tallest first."""
    height, width = grey.shape
    least = max(LEAST, int(LEAST_SHARE * min(height, width)))
    found = _cut(grey, Thing(0, height, 0, width, int(grey[0, 0])), DEEPEST)
    kept = [
        one
        for one in found
        if one.height >= least and one.width <= WIDEST * one.height and _sides_on_border(one, height, width) <= 1
    ]
    return sorted(kept, key=lambda one: -one.height)


def _sides_on_border(thing: Thing, height: int, width: int) -> int:
    """Of how many sides of the picture a thing has the last line; what is cut close has no canvas to lie on."""
    return (thing.top == 0) + (thing.left == 0) + (thing.bottom == height) + (thing.right == width)


def alone(grey: Bytes, thing: Thing) -> Bytes:
    """A thing on its ground with a margin, (h, w) uint8."""
    cut = grey[thing.top : thing.bottom, thing.left : thing.right]
    margin = max(2, int(MARGIN * max(cut.shape)))
    return np.pad(cut, margin, constant_values=thing.ground)


def _cut(grey: Bytes, window: Thing, depth: int) -> Iterator[Thing]:
    """The things in a window."""
    for axis in (0, 1) if depth else ():
        groups = _groups(grey, window, axis)
        if len(groups) != 1 or groups[0][:4] != window[:4]:
            for group in groups:
                yield from _cut(grey, group, depth - 1)
            return
    trimmed = _trimmed(grey, window) if depth else window
    if trimmed == window:
        yield window
    else:
        yield from _cut(grey, trimmed, depth - 1)


def _trimmed(grey: Bytes, thing: Thing) -> Thing:
    """A thing without the frame that it touches: lines of another tone along its sides, and then lines of ground."""
    cut = grey[thing.top : thing.bottom, thing.left : thing.right]
    lines = (cut, cut[::-1], cut.T, cut.T[::-1])
    top, bottom, left, right = (_rim(side, thing.ground) for side in lines)
    return Thing(thing.top + top, thing.bottom - bottom, thing.left + left, thing.right - right, thing.ground)


def _rim(rows: Bytes, ground: int) -> int:
    """How many of the first rows are a frame's; 0 unless mostly ground follows within a share of them all."""
    for depth, row in enumerate(rows[: max(2, int(RIM * len(rows)))]):
        on_ground = np.abs(row.astype(np.int64) - ground) <= EVEN
        if on_ground.mean() > MOSTLY:
            return depth
        if on_ground.mean() > 1 - MOSTLY:
            return 0
    return 0


def _groups(grey: Bytes, window: Thing, axis: int) -> list[Thing]:
    """What uneven rows (axis 0) or columns (axis 1) of a window hold, in their order."""
    picture = grey[window.top : window.bottom, window.left : window.right]
    even, tones = _evenness(picture if axis == 0 else picture.T)
    uneven = np.flatnonzero(~even)
    if not uneven.size:
        return []
    breaks = np.flatnonzero(np.diff(uneven) > 1)
    starts = uneven[np.concatenate([[0], breaks + 1])]
    ends = uneven[np.concatenate([breaks, [uneven.size - 1]])] + 1
    groups = [[int(starts[0]), int(ends[0])]]
    across = picture.shape[1 - axis]
    for start, end in zip(starts[1:], ends[1:], strict=True):
        longer = min(across, max(groups[-1][1] - groups[-1][0], int(end - start)))
        between = tones[groups[-1][1] : start]
        if start - groups[-1][1] < NEAR * longer and np.ptp(between) <= EVEN:
            groups[-1][1] = int(end)
        else:
            groups.append([int(start), int(end)])
    return [_part(window, axis, start, end, _ground(window, tones, start, end)) for start, end in groups]


def _evenness(rows: Bytes) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which rows are even, (n,), and their middle tones, (n,)."""
    low, high = rows.min(axis=1).astype(np.int64), rows.max(axis=1).astype(np.int64)
    return high - low <= EVEN, (high + low) // 2


def _ground(window: Thing, tones: NDArray[np.int64], start: int, end: int) -> int:
    """The tone next to a group; that of the window where there is nothing next to it."""
    beside = [int(tones[at]) for at in (start - 1, end) if 0 <= at < len(tones)]
    if len(beside) == 2 and abs(beside[0] - beside[1]) <= EVEN:
        return beside[0]
    return window.ground if not beside else min(beside, key=lambda tone: abs(tone - window.ground))


def _part(window: Thing, axis: int, start: int, end: int, ground: int) -> Thing:
    if axis == 0:
        return Thing(window.top + start, window.top + end, window.left, window.right, ground)
    return Thing(window.top, window.bottom, window.left + start, window.left + end, ground)
