"""The digit on its canvas among frames, bars and buttons: a picture is cut along even rows and columns."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.families.digit.background import Bytes

# A row or a column is even if its tones spread no further than this: rules, margins and edges of fields are.
EVEN = 20
# Things on one ground that are nearer to each other than this share of the larger one's longer side belong together.
NEAR = 0.3
# What is smaller than this share of the picture's shorter side, or so many pixels, is no digit but a sign or a letter.
LEAST_SHARE, LEAST = 0.04, 12
# What is this many times as wide as it is tall is a line of text or a bar; what is slimmer than this, a frame's side.
WIDEST, SLIMMEST = 2.0, 0.025
# A digit comes back with a margin of this share of its longer side.
MARGIN = 0.2
# A frame that a digit touches is at most this share of the whole, and followed by lines that are mostly ground.
RIM, MOSTLY = 0.2, 0.6
# A field to draw in, a card or a button has an outline of one tone, but for this share, on so many sides, and something
# else beyond this share of its shorter side.
STRAIGHT, ALL_BUT_ONE, INSET = 0.85, 3, 0.1
# Depth of cuts; a digit in a frame on a card in a window in a screenshot takes eight.
DEEPEST = 16


class Panel(NamedTuple):
    """What cannot be cut further: rows and columns of the picture, and the tone of the ground that it lies on."""

    top: int
    bottom: int
    left: int
    right: int
    background: int

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left


def find_panels(grey: Bytes) -> list[Panel]:
    """What lies on the canvases of a picture and is large enough for a digit, the tallest first."""
    height, width = grey.shape
    least = max(LEAST, int(LEAST_SHARE * min(height, width)))
    found = _cut(grey, Panel(0, height, 0, width, int(grey[0, 0])), DEEPEST)
    kept = [one for one in found if one.height >= least and _is_digits_size(one, height, width)]
    return sorted(kept, key=lambda one: -one.height)


def _is_digits_size(panel: Panel, height: int, width: int) -> bool:
    """Whether a thing is no line, and lies on a canvas: what touches several sides of the picture is cut close."""
    borders = (panel.top == 0) + (panel.left == 0) + (panel.bottom == height) + (panel.right == width)
    return borders <= 1 and SLIMMEST * panel.height <= panel.width <= WIDEST * panel.height


def on_one_canvas(found: list[Panel]) -> list[Panel]:
    """Those of the things that lie on the same ground as the first."""
    return [one for one in found if abs(one.background - found[0].background) <= EVEN]


def isolated(grey: Bytes, panel: Panel) -> Bytes:
    """A thing on its ground with a margin, (h, w) uint8."""
    cut = grey[panel.top : panel.bottom, panel.left : panel.right]
    margin = max(2, int(MARGIN * max(cut.shape)))
    return np.pad(cut, margin, constant_values=panel.background)


def _cut(grey: Bytes, window: Panel, depth: int) -> Iterator[Panel]:
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


def _trimmed(grey: Bytes, panel: Panel) -> Panel:
    """A thing without the frame that it touches: lines of another tone along its sides, and then lines of ground."""
    across = grey[panel.top : panel.bottom, max(0, panel.left - 1) : panel.right + 1]
    down = grey[max(0, panel.top - 1) : panel.bottom + 1, panel.left : panel.right].T
    top, bottom, left, right = (_rim(rows, panel.background) for rows in (across, across[::-1], down, down[::-1]))
    return Panel(panel.top + top, panel.bottom - bottom, panel.left + left, panel.right - right, panel.background)


def _rim(rows: Bytes, background: int) -> int:
    """How many of the first rows are a frame's, which goes on at both ends; then mostly ground follows soon."""
    if not len(rows) or min(abs(int(end) - background) for end in rows[0, [0, -1]]) <= EVEN:
        return 0
    for depth, row in enumerate(rows[: max(2, int(RIM * len(rows)))]):
        on_ground = np.abs(row.astype(np.int64) - background) <= EVEN
        if on_ground.mean() > MOSTLY:
            return depth
        if on_ground.mean() > 1 - MOSTLY:
            return 0
    return 0


def _groups(grey: Bytes, window: Panel, axis: int) -> list[Panel]:
    """What uneven rows (axis 0) or columns (axis 1) of a window hold, in their order."""
    picture = grey[window.top : window.bottom, window.left : window.right]
    even, tones = _evenness(picture if axis == 0 else picture.T)
    strokes = even & (np.abs(tones - window.background) > EVEN) & _ends_on_background(grey, window, axis)
    if strokes.any() and not _is_field(grey, window):
        even &= ~strokes
    uneven = np.flatnonzero(~even)
    if not uneven.size:
        return []
    breaks = np.flatnonzero(np.diff(uneven) > 1)
    starts = uneven[np.concatenate([[0], breaks + 1])]
    ends = uneven[np.concatenate([breaks, [uneven.size - 1]])] + 1
    groups = [
        _part(window, axis, int(start), int(end), _background_of(window, tones, int(start), int(end)))
        for start, end in zip(starts, ends, strict=True)
    ]
    across = picture.shape[1 - axis]
    merged = groups[:1]
    for group in groups[1:]:
        (start, end), (other, last) = (_span(one, window, axis) for one in (merged[-1], group))
        between = tones[end:other]
        outside = [int(tones[at]) if 0 <= at < len(tones) else window.background for at in (start - 1, last)]
        is_stroke = min(int(np.abs(tone - between).min()) for tone in outside) > EVEN
        near = other - end < NEAR * min(across, max(end - start, last - other))
        fields = any(_is_field(grey, one) for one in (merged[-1], group))
        if np.ptp(between) <= EVEN and (is_stroke or (near and not fields)):
            merged[-1] = _part(window, axis, start, last, _background_of(window, tones, start, last))
        else:
            merged.append(group)
    return merged


def _ends_on_background(grey: Bytes, window: Panel, axis: int) -> NDArray[np.bool_]:
    """Which rows (axis 0) or columns (axis 1) of a window end, at either end, on the ground beyond it, (n,)."""
    picture, (start, end), (first, last) = grey, window[:2], window[2:4]
    if axis == 1:
        picture, (start, end), (first, last) = grey.T, window[2:4], window[:2]
    ends = [picture[start:end, at] for at in (first - 1, last) if 0 <= at < picture.shape[1]]
    found = [np.abs(line.astype(np.int64) - window.background) <= EVEN for line in ends]
    return np.any(found, axis=0) if found else np.zeros(end - start, np.bool_)


def _span(part: Panel, window: Panel, axis: int) -> tuple[int, int]:
    """The rows (axis 0) or columns (axis 1) of a window that a part takes."""
    if axis == 0:
        return part.top - window.top, part.bottom - window.top
    return part.left - window.left, part.right - window.left


def _is_field(grey: Bytes, group: Panel) -> bool:
    """Whether a group is a canvas, a card or a button, with something on it."""
    cut = grey[group.top : group.bottom, group.left : group.right]
    other = np.abs(cut.astype(np.int16) - group.background) > EVEN
    rows, columns = np.flatnonzero(other.any(axis=1)), np.flatnonzero(other.any(axis=0))
    if not rows.size:
        return False
    box = cut[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inset = 2 + int(INSET * min(box.shape))
    inside = box[inset:-inset, inset:-inset]
    straight = [_is_straight(line) for line in (box[0], box[-1], box[:, 0], box[:, -1])]
    return bool(inside.size) and int(np.ptp(inside)) > EVEN and sum(straight) >= ALL_BUT_ONE


def _is_straight(line: Bytes) -> bool:
    """Whether nearly all of a line has one tone."""
    return bool((np.abs(line.astype(np.int16) - int(np.median(line))) <= EVEN).mean() > STRAIGHT)


def _evenness(rows: Bytes) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which rows are even, (n,), and their middle tones, (n,)."""
    low, high = rows.min(axis=1).astype(np.int64), rows.max(axis=1).astype(np.int64)
    return high - low <= EVEN, (high + low) // 2


def _background_of(window: Panel, tones: NDArray[np.int64], start: int, end: int) -> int:
    """The tone next to a group; that of the window where there is nothing next to it."""
    beside = [int(tones[at]) for at in (start - 1, end) if 0 <= at < len(tones)]
    if len(beside) == 2 and abs(beside[0] - beside[1]) <= EVEN:
        return beside[0]
    return window.background if not beside else min(beside, key=lambda tone: abs(tone - window.background))


def _part(window: Panel, axis: int, start: int, end: int, background: int) -> Panel:
    if axis == 0:
        return Panel(window.top + start, window.top + end, window.left, window.right, background)
    return Panel(window.top, window.bottom, window.left + start, window.left + end, background)
