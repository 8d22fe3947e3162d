"""Pixel art on a grid: the tones of its cells, without the lines between them."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from app.families.digit.background import Bytes

# A line shows as a step of at least this many grey levels along this share of the picture.
STEP, ALONG = 8, 0.45
# Lines lie this many pixels apart or more, and are at most so thick; ink of their own tone may hide every other one.
CLOSEST, THICKEST, LEAST_LINES, MISSING = 7, 4, 5, 2
# They lie within so many pixels, or this share of a cell, of where an even grid has them; the outermost cells may lack
# so many pixels.
STRAY, STRAY_SHARE, SLACK = 3.0, 0.2, 3
# Cells are given back as squares of this many pixels, with this many empty ones round them.
CELL, EMPTY = 12, 2
# Corners are rounded, as a pen does it, by a blur of this share of a cell, cut steeply at this share of the ink.
ROUND, EDGE, STEEP = 0.4, 0.42, 5


def without_grid(grey: Bytes) -> Bytes | None:
    """Pixel art without its grid, ink bright on 0, (h, w) uint8; None for a picture without a grid."""
    rows, columns = _cells(grey), _cells(grey.T)
    if rows is None or columns is None:
        return None
    tones = np.array(
        [[_tone(grey[top:bottom, left:right]) for left, right in columns] for top, bottom in rows], np.uint8
    )
    background = int(np.median(np.concatenate([tones[0], tones[-1], tones[:, 0], tones[:, -1]])))
    ink = cv2.absdiff(tones, np.full_like(tones, background))
    framed = np.kron(np.pad(ink, EMPTY), np.ones((CELL, CELL), np.uint8)).astype(np.float32)
    round_cells = cv2.GaussianBlur(framed, (0, 0), ROUND * CELL) / max(1, int(ink.max()))
    return np.asarray((((round_cells - EDGE) * STEEP + 0.5) * 255).clip(0, 255), np.uint8)


def _tone(cell: Bytes) -> int:
    """The tone of a cell's middle."""
    height, width = cell.shape
    middle = cell[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return int(np.median(middle))


def _cells(picture: Bytes) -> list[tuple[int, int]] | None:
    """Where cells begin and end by rows, from the middle of a line to the next; None unless lines lie evenly."""
    steps = np.abs(np.diff(picture.astype(np.int16), axis=0)) >= STEP
    at = np.flatnonzero(steps.mean(axis=1) >= ALONG) + 1
    places = _lines(at)
    if len(places) < LEAST_LINES:
        return None
    cell = float(np.median(np.diff(places)))
    numbers = np.rint((places - places[0]) / cell)
    if cell < CLOSEST or numbers[-1] + 1 > MISSING * len(places):
        return None
    cell, first = np.polyfit(numbers, places, 1)
    if np.abs(first + cell * numbers - places).max() > max(STRAY, STRAY_SHARE * cell):
        return None
    before = int((first + SLACK) // cell)
    after = int((len(picture) + SLACK - first) // cell)
    edges = np.clip(np.rint(first + cell * np.arange(-before, after + 1)), 0, len(picture)).astype(int).tolist()
    return list(pairwise(edges))


def _lines(at: NDArray[np.int64]) -> NDArray[np.float64]:
    """The middles of lines, (n,): each begins with a step and ends with another some pixels on."""
    groups = np.split(at, np.flatnonzero(np.diff(at) > THICKEST) + 1) if at.size else []
    return np.array([(group[0] + group[-1]) / 2 for group in groups])
