"""Digits drawn with a pen of numbers: ten shapes in several styles, each drawing a little different."""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Stroke = tuple[tuple[float, float], ...]

# Control points (x, y) in a unit box, y downwards; curves run smoothly through them, a doubled point is a corner.
STYLES: dict[int, tuple[tuple[Stroke, ...], ...]] = {
    0: (
        (((0.5, 0.0), (0.15, 0.2), (0.08, 0.55), (0.3, 0.95), (0.62, 0.97), (0.9, 0.6), (0.85, 0.2), (0.5, 0.0)),),
        (((0.6, 0.03), (0.25, 0.1), (0.1, 0.5), (0.25, 0.9), (0.55, 1.0), (0.8, 0.7), (0.82, 0.3), (0.5, 0.02)),),
    ),
    1: (
        (((0.5, 0.0), (0.5, 0.5), (0.5, 1.0)),),
        (((0.3, 0.22), (0.55, 0.0), (0.55, 0.0), (0.53, 0.5), (0.52, 1.0)),),
    ),
    2: (
        (
            (
                (0.12, 0.22),
                (0.4, 0.0),
                (0.8, 0.12),
                (0.78, 0.42),
                (0.4, 0.75),
                (0.08, 1.0),
                (0.08, 1.0),
                (0.5, 0.98),
                (0.92, 1.0),
            ),
        ),
        (
            (
                (0.15, 0.15),
                (0.5, 0.0),
                (0.8, 0.25),
                (0.6, 0.6),
                (0.2, 0.92),
                (0.1, 0.82),
                (0.35, 0.8),
                (0.65, 0.97),
                (0.95, 0.92),
            ),
        ),
    ),
    3: (
        (
            (
                (0.15, 0.1),
                (0.5, 0.0),
                (0.8, 0.2),
                (0.6, 0.43),
                (0.35, 0.47),
                (0.35, 0.47),
                (0.75, 0.55),
                (0.85, 0.78),
                (0.5, 1.0),
                (0.12, 0.9),
            ),
        ),
        (
            (
                (0.2, 0.05),
                (0.65, 0.02),
                (0.78, 0.25),
                (0.42, 0.45),
                (0.42, 0.45),
                (0.8, 0.58),
                (0.75, 0.9),
                (0.4, 1.0),
                (0.1, 0.92),
            ),
        ),
    ),
    4: (
        (
            ((0.3, 0.0), (0.1, 0.6), (0.1, 0.6), (0.5, 0.6), (0.9, 0.57)),
            ((0.68, 0.25), (0.66, 0.6), (0.64, 1.0)),
        ),
        (((0.9, 0.66), (0.1, 0.66), (0.1, 0.66), (0.65, 0.0), (0.65, 0.0), (0.64, 0.5), (0.62, 1.0)),),
    ),
    5: (
        (
            (
                (0.85, 0.0),
                (0.28, 0.02),
                (0.28, 0.02),
                (0.2, 0.42),
                (0.2, 0.42),
                (0.55, 0.36),
                (0.85, 0.62),
                (0.65, 0.95),
                (0.15, 0.95),
            ),
        ),
        (
            (
                (0.25, 0.08),
                (0.22, 0.42),
                (0.22, 0.42),
                (0.6, 0.4),
                (0.82, 0.7),
                (0.55, 0.98),
                (0.12, 0.92),
            ),
            ((0.36, 0.0), (0.9, 0.0)),
        ),
    ),
    6: (
        (
            (
                (0.75, 0.0),
                (0.35, 0.25),
                (0.15, 0.65),
                (0.3, 0.97),
                (0.7, 0.97),
                (0.82, 0.7),
                (0.55, 0.52),
                (0.2, 0.7),
            ),
        ),
        (
            (
                (0.6, 0.0),
                (0.25, 0.35),
                (0.15, 0.75),
                (0.4, 1.0),
                (0.75, 0.88),
                (0.7, 0.62),
                (0.4, 0.6),
                (0.18, 0.78),
            ),
        ),
    ),
    7: (
        (((0.1, 0.03), (0.5, 0.02), (0.88, 0.0), (0.88, 0.0), (0.6, 0.5), (0.4, 1.0)),),
        (
            ((0.1, 0.05), (0.88, 0.02), (0.88, 0.02), (0.6, 0.45), (0.42, 1.0)),
            ((0.35, 0.5), (0.8, 0.47)),
        ),
    ),
    8: (
        (
            (
                (0.75, 0.15),
                (0.45, 0.0),
                (0.2, 0.2),
                (0.45, 0.45),
                (0.8, 0.72),
                (0.5, 1.0),
                (0.15, 0.78),
                (0.5, 0.47),
                (0.78, 0.2),
                (0.62, 0.03),
            ),
        ),
        (
            ((0.5, 0.0), (0.2, 0.2), (0.5, 0.45), (0.8, 0.2), (0.5, 0.0)),
            ((0.5, 0.45), (0.12, 0.75), (0.5, 1.0), (0.88, 0.75), (0.5, 0.45)),
        ),
    ),
    9: (
        (
            (
                (0.8, 0.2),
                (0.5, 0.0),
                (0.18, 0.2),
                (0.35, 0.48),
                (0.7, 0.42),
                (0.82, 0.12),
                (0.82, 0.12),
                (0.78, 0.6),
                (0.66, 1.0),
            ),
        ),
        (
            (
                (0.78, 0.15),
                (0.45, 0.02),
                (0.2, 0.28),
                (0.5, 0.5),
                (0.8, 0.25),
                (0.8, 0.1),
                (0.8, 0.65),
                (0.55, 0.97),
                (0.2, 0.92),
            ),
        ),
    ),
}
# Digits are this much narrower than they are tall.
SLIMNESS = 0.68
# Strokes are drawn this much larger and then averaged, for smooth edges.
OVERSAMPLING = 4


def cover_of(
    digit: int,
    shape: tuple[int, int],
    thickness: float,
    *,
    style: int = 0,
    tall: float = 0.7,
    centre: tuple[float, float] = (0.5, 0.5),
    turn: float = 0.0,
    wobble: float = 0.0,
    seed: int = 0,
) -> Floats:
    """How much of each pixel a digit's ink covers, (h, w) float32 in [0, 1]; `tall` is a share of the shorter side."""
    rng = np.random.default_rng(seed)
    height, width = shape
    length = tall * min(shape)
    angle = np.deg2rad(turn)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    fine = np.zeros((height * OVERSAMPLING, width * OVERSAMPLING), np.uint8)
    for stroke in STYLES[digit][style % len(STYLES[digit])]:
        points = moved(np.array(stroke), wobble, rng)
        places = ((points - 0.5) * (SLIMNESS * length, length)) @ rotation
        places += np.array([centre[0] * width, centre[1] * height])
        line = np.rint(curve_through(places) * OVERSAMPLING * 16).astype(np.int32)
        pen = max(1, round(thickness * OVERSAMPLING))
        cv2.polylines(fine, [line], False, 255, pen, cv2.LINE_8, 4)
    cover = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cover, np.float32) / np.float32(255)


def moved(points: NDArray[np.float64], wobble: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Control points each moved a little, doubled ones together."""
    steps = rng.normal(0, 1, points.shape) * wobble
    doubled = np.flatnonzero((points[1:] == points[:-1]).all(axis=1)) + 1
    steps[doubled] = steps[doubled - 1]
    return np.asarray(points + steps, np.float64)


def curve_through(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve through all control points (Catmull-Rom), (n, 2); a doubled point stays a corner."""
    corners = np.flatnonzero((points[1:] == points[:-1]).all(axis=1))
    pieces = np.split(points, corners + 1)
    return np.concatenate([_spline(piece) for piece in pieces])


def _spline(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth curve through the points, closed ones meeting themselves."""
    if len(points) < 3:
        return points
    closed = np.allclose(points[0], points[-1])
    before = points[-2] if closed else 2 * points[0] - points[1]
    after = points[1] if closed else 2 * points[-1] - points[-2]
    p = np.concatenate([[before], points, [after]])[:, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    t = np.linspace(0, 1, 16, endpoint=False)[:, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])
