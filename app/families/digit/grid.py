"""Pixel art on a grid: the tones of its cells, without the lines between them."""

import numpy as np
from numpy.typing import NDArray

from app.families.digit.ground import Bytes

# A line shows as a step of at least this many grey levels along this share of the picture.
STEP, ALONG = 8, 0.45
# Lines lie this many pixels apart or more, all alike but for one pixel, and as many as this or more each way.
CLOSEST, LEAST_LINES = 7, 5
# A line is at most this many pixels thick, and this share of a cell.
THICKEST, THICK_SHARE = 4, 0.4
# Cells are given back as squares of this many pixels, with this many empty ones round them.
CELL, EMPTY = 12, 2


def without_grid(grey: Bytes) -> Bytes | None:
    """Pixel art with even squares for cells, (h, w) uint8; None for a picture without a grid."""
    rows, columns = _cells(grey), _cells(grey.T)
    if rows is None or columns is None:
        return None
    tones = np.array([[_tone(grey[top:bottom, left:right]) for left, right in columns] for top, bottom in rows], np.uint8)
    ground = int(np.median(np.concatenate([tones[0], tones[-1], tones[:, 0], tones[:, -1]])))
    framed = np.pad(tones, EMPTY, constant_values=ground)
    return np.kron(framed, np.ones((CELL, CELL), np.uint8))


def _tone(cell: Bytes) -> int:
    """The tone of a cell's middle."""
    height, width = cell.shape
    middle = cell[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return int(np.median(middle))


def _cells(picture: Bytes) -> list[tuple[int, int]] | None:
    """Where cells begin and end by rows, cut off ones left out; None unless even lines lie between them."""
    steps = np.abs(np.diff(picture.astype(np.int16), axis=0)) >= STEP
    at = np.flatnonzero(steps.mean(axis=1) >= ALONG) + 1
    lines = _lines(at)
    if len(lines) < LEAST_LINES:
        return None
    gaps = np.diff([start for start, _ in lines])
    cell = int(np.median(gaps))
    thick = max(end - start for start, end in lines)
    if cell < CLOSEST or thick > THICK_SHARE * cell or np.abs(gaps - cell).max() > 1:
        return None
    inner = [(end, start) for (_, end), (start, _) in zip(lines[:-1], lines[1:], strict=True)]
    first, last = lines[0][0], lines[-1][1]
    before = [(max(0, first - cell + thick), first)] if first >= cell - thick - 1 else []
    after = [(last, min(len(picture), last + cell - thick))] if len(picture) - last >= cell - thick - 1 else []
    return before + inner + after


def _lines(at: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Lines from where steps are: each from its first step to its last, (start, end)."""
    lines: list[tuple[int, int]] = []
    for place in at.tolist():
        if lines and place - lines[-1][0] <= THICKEST:
            lines[-1] = (lines[-1][0], place)
        else:
            lines.append((place, place))
    return lines
