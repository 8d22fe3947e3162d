"""Things that are no digit, drawn by code, for a network to learn to be unsure of: letters, symbols, scribbles, shades.

Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from app.families.digit.handwriting import CANVAS, TALL, Bytes, Points, ink_of, placed, pressed
from app.families.digit.normalise import laid_out
from app.families.digit.stroke_rendering import curve_through

# Letters and signs that look like no digit; the others (O, l, I, S, Z, b, q ...) are left out.
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy"
SIGNS = "#%&*+?@$!<>=~^{}[]:;"
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
# Strokes of Korean letters in a unit box.
JAMO: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    (((0, 0), (1, 0), (0.9, 1)),),
    (((0, 0), (0, 1), (1, 1)),),
    (((1, 0), (0, 0), (0, 1), (1, 1)),),
    (((0, 0), (1, 0), (1, 0.5), (0, 0.5), (0, 1), (1, 1)),),
    (((0, 0), (1, 0), (1, 1), (0, 1), (0, 0)),),
    (((0, 0), (0, 1), (1, 1), (1, 0)), ((0, 0.5), (1, 0.5))),
    (((0.5, 0), (0.4, 0.5), (0, 1)), ((0.5, 0.3), (1, 1))),
    (((0, 0), (1, 0), (0, 1)), ((0.5, 0.4), (1, 1))),
)
ACROSS: tuple[tuple[tuple[float, float], ...], ...] = (
    ((0, 0.5), (1, 0.5)),
    ((0.5, 0), (0.5, 0.5)),
    ((0.5, 0.5), (0.5, 1)),
)
UPRIGHT: tuple[tuple[tuple[float, float], ...], ...] = (
    ((0.5, 0), (0.5, 1)),
    ((0.5, 0.5), (1, 0.5)),
    ((0, 0.5), (0.5, 0.5)),
)


def draw_others(count: int, seed: int, digits: Bytes) -> Bytes:
    """Pictures (count, 28, 28) uint8 of no single digit, laid out as one is; of `digits` (n, 28, 28) two or three."""
    rng = np.random.default_rng(seed)
    kinds: Sequence[Callable[[], Bytes]] = (
        lambda: _letter(rng),
        lambda: _letter(rng),
        lambda: _several(rng, digits),
        lambda: _several(rng, digits),
        lambda: _korean(rng),
        lambda: _polygon(rng),
        lambda: _rays(rng),
        lambda: _scribble(rng),
        lambda: _blobs(rng),
        lambda: _blobs(rng),
        lambda: _shades(rng),
        lambda: _boxes(rng),
    )
    return np.stack([kinds[index % len(kinds)]() for index in range(count)])


def _pen(rng: np.random.Generator) -> float:
    return TALL * float(rng.uniform(0.08, 0.24))


def _stroked(strokes: Sequence[Points], rng: np.random.Generator, wide: float = 1.0) -> Bytes:
    """Strokes of a unit box, laid out after a slant and a turn."""
    places = placed(strokes, rng, wide, rng.uniform(-0.2, 0.2), rng.uniform(-15, 15))
    ink = ink_of(places, _pen(rng))
    return laid_out(pressed(ink, rng) if rng.integers(4) == 0 else ink)


def _letter(rng: np.random.Generator) -> Bytes:
    """One letter, or a sign, or a few letters."""
    kind = rng.random()
    count = int(rng.integers(2, 4)) if kind < 0.2 else 1
    text = "".join(rng.choice(list(SIGNS if kind > 0.8 else LETTERS), count))
    canvas = np.zeros((CANVAS, CANVAS * count), np.uint8)
    font = FONTS[rng.integers(len(FONTS))]
    width = int(rng.integers(3, 20))
    cv2.putText(canvas, text, (20, 120), font, 3.4, 255, width)
    turn = cv2.getRotationMatrix2D((canvas.shape[1] / 2, CANVAS / 2), rng.uniform(-12, 12), rng.uniform(0.75, 0.9))
    turn[0, 1] += rng.uniform(-0.25, 0.25)
    return laid_out(np.asarray(cv2.warpAffine(canvas, turn, canvas.shape[::-1]), np.uint8))


def _several(rng: np.random.Generator, digits: Bytes) -> Bytes:
    """Two or three digits in a row, or two over each other."""
    chosen = digits[rng.integers(len(digits), size=2 if rng.random() < 0.75 else 3)]
    cut = [_cut(digit) for digit in chosen]
    gap = int(rng.integers(-3, 4))
    if rng.random() < 0.15:
        cut = [digit.T for digit in cut]
        return np.ascontiguousarray(laid_out(_in_a_row(cut, gap).T.copy()))
    return laid_out(_in_a_row(cut, gap))


def _cut(digit: Bytes) -> Bytes:
    x, y, w, h = cv2.boundingRect(digit)
    return digit[y : y + h, x : x + w]


def _in_a_row(cut: Sequence[Bytes], gap: int) -> Bytes:
    """Digits beside each other, `gap` pixels apart, which may be negative."""
    row = np.zeros((28, 28 * len(cut) + 8), np.uint8)
    at = 4
    for digit in cut:
        height, width = digit.shape
        top = (28 - height) // 2
        place = row[top : top + height, at : at + width]
        np.maximum(place, digit, out=place)
        at += max(2, width + gap)
    return row


def _korean(rng: np.random.Generator) -> Bytes:
    """A syllable of two or three Korean letters."""

    def part(strokes: Sequence[Sequence[tuple[float, float]]], box: tuple[float, float, float, float]) -> list[Points]:
        x, y, w, h = np.array(box) + rng.normal(0, 0.02, 4)
        return [np.array(stroke, np.float64) * (w, h) + (x, y) for stroke in strokes]

    first, last = (JAMO[rng.integers(len(JAMO))] for _ in range(2))
    upright, has_last = rng.random() < 0.5, rng.random() < 0.5
    high = 0.5 if has_last else 0.95
    if upright:
        vowel = (UPRIGHT[0], *UPRIGHT[1 : 1 + rng.integers(3)])
        strokes = part(first, (0, 0, 0.5, 0.8 * high)) + part(vowel, (0.55, 0, 0.45, high))
    else:
        vowel = (ACROSS[0], *ACROSS[1 : 1 + rng.integers(3)])
        strokes = part(first, (0.15, 0, 0.7, 0.55 * high)) + part(vowel, (0, 0.55 * high, 1, 0.45 * high))
    if has_last:
        strokes += part(last, (0.15, 0.62, 0.7, 0.36))
    return _stroked(strokes, rng, rng.uniform(0.8, 1.1))


def _polygon(rng: np.random.Generator) -> Bytes:
    """A star or a polygon, drawn or filled, or a heart."""
    corners = int(rng.integers(3, 6))
    if rng.random() < 0.2:
        t = np.linspace(0, 2 * np.pi, 40)
        x = 16 * np.sin(t) ** 3
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
        shape = np.stack([x, y], axis=1) / 34 + 0.5
    else:
        angles = np.arange(2 * corners + 1) * np.pi / corners + rng.uniform(0, 2 * np.pi)
        radii = np.where(np.arange(2 * corners + 1) % 2, rng.uniform(0.15, 0.3), 0.5)
        star = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None] + 0.5
        shape = star if rng.random() < 0.5 else star[::2]
    if rng.random() < 0.5:
        return _stroked([shape], rng, rng.uniform(0.7, 1.3))
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    cv2.fillPoly(canvas, [np.rint(shape * (TALL * rng.uniform(0.7, 1.3), TALL) + 20).astype(np.int32)], 255)
    return laid_out(canvas)


def _rays(rng: np.random.Generator) -> Bytes:
    """Straight lines from or through one point, or side by side: plus, cross, asterisk, arrow, tick, ladder."""
    kind = rng.integers(3)
    if kind == 0:
        angles = np.arange(rng.integers(2, 5)) * np.pi / rng.integers(2, 5) + rng.uniform(0, np.pi)
        ends = np.stack([np.cos(angles), np.sin(angles)], axis=1) / 2
        return _stroked([np.array([0.5 - end, 0.5 + end]) for end in ends], rng)
    if kind == 1:
        angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.45)
        way = np.array([np.cos(angle), np.sin(angle)])
        side = np.array([-way[1], way[0]]) * size
        tip = 0.5 + way / 2
        head = np.array([tip - size * way + side, tip, tip - size * way - side])
        return _stroked([np.array([0.5 - way / 2, tip]), head], rng)
    levels = np.linspace(0, 1, rng.integers(2, 5))
    if rng.random() < 0.5:
        return _stroked([np.array([(0.0, y), (1.0, y)]) for y in levels], rng, rng.uniform(0.6, 1.2))
    return _stroked([np.array([(x, 0.0), (x, 1.0)]) for x in levels], rng, rng.uniform(0.6, 1.2))


def _scribble(rng: np.random.Generator) -> Bytes:
    """One to four curves through random points."""
    strokes = [curve_through(rng.uniform(0, 1, (rng.integers(3, 9), 2))) for _ in range(rng.integers(1, 4))]
    if len(strokes) == 1:
        strokes = [curve_through(rng.uniform(0, 1, (int(rng.integers(7, 12)), 2)))]
    return _stroked(strokes, rng, rng.uniform(0.6, 1.4))


def _noise(rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise of two scales, (80, 80) float32 of mean 0 and deviation 1."""
    field = np.zeros((80, 80), np.float32)
    for _ in range(2):
        cells = int(rng.integers(3, 16))
        coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        field += cv2.resize(coarse, (80, 80), interpolation=cv2.INTER_CUBIC) * np.float32(rng.uniform(0.3, 1))
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _blobs(rng: np.random.Generator) -> Bytes:
    """What a threshold leaves of a photograph: patches, or the bands between two levels."""
    field = _noise(rng)
    level = rng.uniform(-0.5, 1.2)
    mask = (field > level) if rng.random() < 0.5 else (np.abs(field - level) < rng.uniform(0.15, 0.5))
    if rng.random() < 0.5:
        rows, columns = np.mgrid[-1:1:80j, -1:1:80j]
        mask &= (rows / rng.uniform(0.5, 1)) ** 2 + (columns / rng.uniform(0.5, 1)) ** 2 < 1
    ink = np.asarray(mask * 255, np.uint8)
    if rng.random() < 0.5:
        ink = _largest(ink)
    ink = ink if ink.any() else np.full_like(ink, 255)
    return laid_out(ink)


def _largest(ink: Bytes) -> Bytes:
    """The largest connected part alone."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if len(boxes) < 2:
        return ink
    return np.asarray((labels == 1 + boxes[1:, cv2.CC_STAT_AREA].argmax()) * 255, np.uint8)


def _shades(rng: np.random.Generator) -> Bytes:
    """A grey texture, noise or a ramp over the whole picture or a part of it."""
    field = rng.normal(0, 1, (80, 80)).astype(np.float32) if rng.random() < 0.2 else _noise(rng)
    grey = np.clip(128 + rng.uniform(30, 120) * field, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        return np.asarray(cv2.resize(grey, (28, 28), interpolation=cv2.INTER_AREA), np.uint8)
    return laid_out(np.ascontiguousarray(grey[: int(rng.integers(30, 80)), : int(rng.integers(30, 80))]))


def _boxes(rng: np.random.Generator) -> Bytes:
    """Rectangles and bars, as charts, buttons and windows have them."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    if rng.random() < 0.4:
        count = int(rng.integers(3, 8))
        wide = CANVAS // (count + 1)
        for bar in range(count):
            height = int(rng.integers(15, CANVAS - 20))
            cv2.rectangle(
                canvas,
                (bar * wide + 10, CANVAS - 10 - height),
                (bar * wide + int(wide * 0.7) + 8, CANVAS - 10),
                255,
                -1,
            )
        return laid_out(canvas)
    for _ in range(rng.integers(2, 5)):
        x, y = (int(v) for v in rng.integers(5, 100, 2))
        w, h = (int(v) for v in rng.integers(20, 60, 2))
        cv2.rectangle(canvas, (x, y), (x + w, y + h), 255, int(rng.choice([-1, 6, 10, 14])))
    return laid_out(canvas)
