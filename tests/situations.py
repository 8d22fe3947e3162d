"""Pictures of digits as people send them, and of other things, drawn by code from a seed; none is used in training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from app.families.digit.stroke_rendering import cover_of

Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]
Draw: TypeAlias = np.random.Generator
Source: TypeAlias = Callable[[int, float], Floats]
"""How much a digit's ink covers each pixel of a close box: called with the digit and its height in pixels."""

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
PIXELS = {  # the usual 5 x 7 of displays
    0: "01110 10001 10001 10001 10001 10001 01110",
    1: "00100 01100 00100 00100 00100 00100 01110",
    2: "01110 10001 00001 00010 00100 01000 11111",
    3: "11111 00010 00100 00010 00001 10001 01110",
    4: "00010 00110 01010 10010 11111 00010 00010",
    5: "11111 10000 11110 00001 00001 10001 01110",
    6: "00110 01000 10000 11110 10001 10001 01110",
    7: "11111 00001 00010 00100 01000 01000 01000",
    8: "01110 10001 10001 01110 10001 10001 01110",
    9: "01110 10001 10001 01111 00001 00010 01100",
}


# ---- digits ------------------------------------------------------------------------------------------------------


def drawn(rng: Draw) -> Source:
    """Digits of the pen, with a width, a style and a wobble as chance has it."""

    def source(digit: int, tall: float) -> Floats:
        size = round(tall * 1.6)
        cover = cover_of(
            digit,
            (size, size),
            tall * rng.uniform(0.08, 0.16),
            style=int(rng.integers(10)),
            wobble=0.03,
            seed=int(rng.integers(2**31)),
            turn=rng.uniform(-8, 8),
        )
        return _close(cover)

    return source


def handwritten(pictures: Bytes, labels: NDArray[Any], rng: Draw) -> Source:
    """Digits of MNIST, enlarged with smooth edges."""

    def source(digit: int, tall: float) -> Floats:
        picture = pictures[rng.choice(np.flatnonzero(labels == digit))]
        x, y, w, h = cv2.boundingRect(picture)
        scale = tall / max(w, h)
        size = (max(1, round(w * scale)), max(1, round(h * scale)))
        grey = cv2.resize(picture[y : y + h, x : x + w], size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        soft = cv2.GaussianBlur(grey, (0, 0), max(0.6, 0.2 * scale))
        return _close(np.asarray(((soft / 255 - 0.5) * scale * 0.5 + 0.5).clip(0, 1), np.float32))

    return source


def _close(cover: Floats) -> Floats:
    x, y, w, h = cv2.boundingRect((cover > 0.02).astype(np.uint8))
    return np.asarray(cover[y : y + h, x : x + w], np.float32)


def _put(canvas: Floats, cover: Floats, x: int, y: int, ink: float) -> None:
    """Lay ink over a part of a canvas, as far as it fits."""
    height, width = (min(a, b - c) for a, b, c in zip(cover.shape, canvas.shape, (y, x), strict=True))
    part = canvas[y : y + height, x : x + width]
    part += cover[:height, :width] * (ink - part)


def _within(rng: Draw, shape: tuple[int, ...], cover: Floats, margin: float) -> tuple[int, int]:
    """A place (x, y) for a cover that leaves a share of the canvas free all round."""
    height, width = shape
    free = [(width - cover.shape[1]), (height - cover.shape[0])]
    least = [min(margin * size, room / 2) for size, room in zip((width, height), free, strict=True)]
    x, y = (rng.uniform(low, room - low) for low, room in zip(least, free, strict=True))
    return max(0, int(x)), max(0, int(y))


def _as_picture(canvas: Floats) -> Bytes:
    return np.asarray(np.rint(canvas.clip(0, 255)), np.uint8)


def _tones(rng: Draw) -> tuple[float, float]:
    """Ground and ink, in either polarity."""
    light, dark = rng.uniform(215, 255), rng.uniform(0, 60)
    return (light, dark) if rng.random() < 0.75 else (dark, light)


def _plain(rng: Draw, size: int) -> tuple[Floats, float]:
    ground, ink = _tones(rng)
    return np.full((size, size), ground, np.float32), ink


def _line(canvas: Floats, start: Any, end: Any, ink: float, width: float) -> None:
    fine = np.zeros((canvas.shape[0] * 4, canvas.shape[1] * 4), np.uint8)
    (x, y), (x2, y2) = ((int(v) for v in np.rint(np.array(point) * 4 * 16)) for point in (start, end))
    cv2.line(fine, (x, y), (x2, y2), 255, max(1, round(width * 4)), cv2.LINE_8, 4)
    cover = cv2.resize(fine, canvas.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    canvas += cover * (ink - canvas)


def flagged(digit: int, source: Source, rng: Draw) -> Bytes:  # noqa: ARG001  straight lines need no source
    """A 1 with a flag, or where `digit` is 7, a 7: straight strokes, either with a slant, a foot, a bar or a serif."""
    canvas, ink = _plain(rng, 300)
    tall, width = rng.uniform(120, 220), rng.uniform(6, 24)
    slant = rng.uniform(-0.05, 0.25) if digit == 1 else rng.uniform(0.15, 0.6)
    top = np.array([150 + slant * tall / 2, 150 - tall / 2])
    foot = np.array([150 - slant * tall / 2, 150 + tall / 2])
    _line(canvas, top, foot, ink, width)
    if digit == 1:
        length, angle = rng.uniform(0.2, 0.6) * tall, np.deg2rad(rng.uniform(30, 60))
        _line(canvas, top, top + length * np.array([-np.sin(angle), np.cos(angle)]), ink, width)
        if rng.random() < 0.4:
            reach = rng.uniform(0.15, 0.3) * tall
            _line(canvas, foot - np.array([reach, 0]), foot + np.array([reach, 0]), ink, width)
        return _as_picture(canvas)
    left = top - np.array([rng.uniform(0.45, 0.7) * tall, rng.uniform(-0.05, 0.05) * tall])
    _line(canvas, left, top, ink, width)
    if rng.random() < 0.4:
        _line(canvas, left, left + np.array([0, rng.uniform(0.1, 0.2) * tall]), ink, width)
    if rng.random() < 0.4:
        middle, reach = (top + foot) / 2, rng.uniform(0.15, 0.25) * tall
        _line(canvas, middle - np.array([reach, 0]), middle + np.array([reach, 0]), ink, width)
    return _as_picture(canvas)


def boxed(digit: int, source: Source, rng: Draw) -> Bytes:
    """A digit in a frame: at the border or within, thin or thick, near or touching."""
    size = int(rng.integers(100, 320))
    canvas, ink = _plain(rng, size)
    ground = float(canvas[0, 0])
    inset = int(rng.choice([0, rng.uniform(0.02, 0.12) * size]))
    thick = max(1, int(rng.uniform(0.005, 0.05) * size))
    frame = ink + (ground - ink) * rng.uniform(0, 0.6)
    cv2.rectangle(canvas, (inset, inset), (size - 1 - inset, size - 1 - inset), frame, -1)
    edge = inset + thick
    inside = np.full((size - 2 * edge,) * 2, ground, np.float32)
    cover = source(digit, inside.shape[0] * rng.uniform(0.55, 0.96))
    x, y = _within(rng, inside.shape, cover, rng.choice([0.0, 0.04]))
    _put(inside, cover, x, y, ink)
    canvas[edge : size - edge, edge : size - edge] = inside
    return _as_picture(canvas)


def _text(canvas: Floats, words: str, x: int, y: int, tone: float, scale: float) -> None:
    cover = np.zeros(canvas.shape, np.uint8)
    cv2.putText(cover, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, max(1, round(1.5 * scale)), cv2.LINE_AA)
    canvas += cover.astype(np.float32) / 255 * (tone - canvas)


def _button(canvas: Floats, words: str, box: tuple[int, int, int, int], fill: float, line: float, tone: float) -> None:
    x, y, w, h = box
    cv2.rectangle(canvas, (x, y), (x + w, y + h), fill, -1)
    cv2.rectangle(canvas, (x, y), (x + w, y + h), line, 1)
    _text(canvas, words, x + 6, y + int(h * 0.68), tone, h / 50)


def _icons(canvas: Floats, places: Any, size: int, tone: float, rng: Draw) -> None:
    for x, y in places:
        kind, half = rng.integers(4), size // 2
        box = ((int(x) - half, int(y) - half), (int(x) + half, int(y) + half))
        if kind == 0:
            cv2.rectangle(canvas, *box, tone, 2)
        elif kind == 1:
            cv2.circle(canvas, (int(x), int(y)), half, tone, int(rng.choice([2, -1])))
        elif kind == 2:
            cv2.line(canvas, *box, tone, 2)
        else:
            _text(canvas, str(rng.choice(list("ABTQ+x="))), int(x) - half, int(y) + half, tone, size / 22)


def screenshot(digit: int, source: Source, rng: Draw) -> Bytes:
    """A program's window: a title bar, a tool bar at some side, a canvas on a page, and buttons."""
    height, width = int(rng.integers(400, 760)), int(rng.integers(500, 1100))
    dark = rng.random() < 0.25
    page, text = (rng.uniform(25, 60), 220.0) if dark else (rng.uniform(225, 250), 30.0)
    canvas = np.full((height, width), page, np.float32)
    bar = int(rng.uniform(0.04, 0.09) * height)
    tone = float(rng.choice([rng.uniform(30, 90), rng.uniform(180, 235)]))
    canvas[:bar] = tone
    _text(canvas, "Digit Recognizer - draw here", 12, int(bar * 0.7), 255.0 if tone < 128 else 0.0, bar / 45)
    side = rng.integers(4)
    if side == 0:
        canvas[bar:, : int(1.6 * bar)] = page - 12
        _icons(canvas, [(0.8 * bar, y) for y in range(2 * bar, height - bar, int(1.4 * bar))], bar // 2, text, rng)
    elif side == 1:
        canvas[-bar:] = page - 30
        _icons(canvas, [(x, height - bar / 2) for x in range(bar, width - bar, 2 * bar)], bar // 2, text, rng)
    elif side == 2:
        canvas[bar : int(2.2 * bar)] = page - 12
        _icons(canvas, [(x, 1.6 * bar) for x in range(bar, width - bar, int(1.5 * bar))], bar // 2, text, rng)
    free = height - int(2.4 * bar) - bar
    size = int(min(free, 0.7 * width) * rng.uniform(0.45, 0.75))
    x = int(rng.uniform(1.8 * bar, width - size - bar))
    y = int(2.4 * bar + rng.uniform(0, 0.1) * free)
    ground, ink = (rng.uniform(0, 20), 255.0) if rng.random() < 0.3 else (255.0, rng.uniform(0, 40))
    inside = np.full((size, size), ground, np.float32)
    cover = source(digit, size * rng.uniform(0.4, 0.8))
    _put(inside, cover, *_within(rng, inside.shape, cover, 0.08), ink)
    cv2.rectangle(canvas, (x - 1, y - 1), (x + size, y + size), page + (150 if dark else -100), int(rng.integers(1, 3)))
    canvas[y : y + size, x : x + size] = inside
    for index, words in enumerate(("Predict", "Clear")[: rng.integers(0, 3)]):
        fill = float(rng.choice([page, 90]))
        box = (x + index * 100, y + size + 12, 90, 28)
        _button(canvas, words, box, fill, text, 255.0 if fill < 128 else 0.0)
    return _as_picture(canvas)


def phone(digit: int, source: Source, rng: Draw) -> Bytes:
    """A phone's screenshot: clock and signs on top, the drawing on the free ground or on a card, buttons below."""
    height, width = 800, 370
    page, ink = (250.0, rng.uniform(0, 50)) if rng.random() < 0.7 else (18.0, 240.0)
    canvas = np.full((height, width), page, np.float32)
    _text(canvas, "12:30", 16, 26, ink, 0.5)
    _icons(canvas, [(300, 20), (325, 20), (350, 20)], 14, ink, rng)
    if rng.random() < 0.5:
        canvas[40:90] = page + (12 if page < 128 else -25)
        _text(canvas, "Draw a digit", 20, 72, ink, 0.7)
    side = 300
    x, y = 35, int(rng.uniform(130, 380))
    if rng.random() < 0.6:
        card = page + (rng.uniform(14, 30) if page < 128 else -rng.uniform(8, 30))
        cv2.rectangle(canvas, (x, y), (x + side, y + side), card, -1)
    cover = source(digit, rng.uniform(120, 250))
    left, top = _within(rng, (side, side), cover, 0.04)
    _put(canvas, cover, x + left, y + top, ink)
    if rng.random() < 0.6:
        _button(canvas, "OK", (40, 720, 290, 44), 90, 90, 255.0)
    cv2.rectangle(canvas, (135, 788), (235, 791), ink, -1)
    return _as_picture(canvas)


def pixelled(digit: int, source: Source, rng: Draw) -> Bytes:
    """Pixel art: cells filled or not, in a grid of lines or in none."""
    if rng.random() < 0.5:
        art = np.array([[float(bit) for bit in row] for row in PIXELS[digit].split()], np.float32)
    else:
        cover = source(digit, float(rng.integers(14, 22)))
        art = (cover > 0.5).astype(np.float32)
    margins = rng.integers(1, 5, 4)
    art = np.pad(art, (margins[:2], margins[2:]))
    cell = int(rng.integers(10, 31)) if max(art.shape) < 18 else int(rng.integers(8, 19))
    light, dark = rng.uniform(225, 255), rng.uniform(0, 50)
    if rng.random() < 0.25:
        light, dark = dark, light
    canvas = light + np.kron(art, np.ones((cell, cell), np.float32)) * (dark - light)
    if rng.random() < 0.75:
        line, thick = light + (dark - light) * rng.choice([rng.uniform(0.1, 0.5), 1.0]), int(rng.integers(1, 3))
        for start in range(thick):
            canvas[start::cell] = line
            canvas[:, start::cell] = line
        canvas[-thick:], canvas[:, -thick:] = line, line
    return _as_picture(canvas)


def faint(digit: int, source: Source, rng: Draw) -> Bytes:
    """A pencil's or a dry pen's digit: paler towards one side, down to a quarter or a half of its ink."""
    size = int(rng.integers(150, 400))
    canvas, ink = _plain(rng, size)
    cover = source(digit, size * rng.uniform(0.5, 0.8))
    rows, columns = np.mgrid[-1 : 1 : cover.shape[0] * 1j, -1 : 1 : cover.shape[1] * 1j]
    angle, palest = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.5)
    slope = 1 / (1 + np.exp(-rng.uniform(2, 10) * (np.cos(angle) * columns + np.sin(angle) * rows)))
    cover = np.asarray(cover * (palest + (1 - palest) * slope), np.float32)
    _put(canvas, cover, *_within(rng, canvas.shape, cover, 0.08), ink)
    if rng.random() < 0.4:
        canvas += rng.normal(0, rng.uniform(1, 4), canvas.shape).astype(np.float32)
    return _as_picture(canvas)


def turned(digit: int, source: Source, rng: Draw) -> Bytes:
    """Turned by up to 20 degrees either way."""
    cover = np.pad(source(digit, 220.0), 120)
    height, width = cover.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-20, 20), 1.0)
    cover = _close(np.asarray(cv2.warpAffine(cover, turn, (width, height)), np.float32))
    canvas, ink = _plain(rng, 400)
    _put(canvas, cover, *_within(rng, canvas.shape, cover, 0.05), ink)
    return _as_picture(canvas)


def slanted(digit: int, source: Source, rng: Draw) -> Bytes:
    """Leaning to the right, or a little to the left."""
    cover = np.pad(source(digit, 200.0), 140)
    height, width = cover.shape
    slant = rng.uniform(-0.15, 0.5)
    lean = np.array([[1, -slant, slant * height / 2], [0, 1, 0]], np.float32)
    cover = _close(np.asarray(cv2.warpAffine(cover, lean, (width, height)), np.float32))
    canvas, ink = _plain(rng, 400)
    _put(canvas, cover, *_within(rng, canvas.shape, cover, 0.05), ink)
    return _as_picture(canvas)


def pens(digit: int, source: Source, rng: Draw) -> Bytes:  # noqa: ARG001  a pen of its own
    """From a hairline to a marker."""
    tall = 200.0
    cover = _close(
        cover_of(
            digit, (320, 320), float(np.exp(rng.uniform(np.log(1.5), np.log(44)))),
            style=int(rng.integers(10)), tall=tall / 320, wobble=0.02, seed=int(rng.integers(2**31)),
        )
    )  # fmt: skip
    canvas, ink = _plain(rng, 320)
    _put(canvas, cover, *_within(rng, canvas.shape, cover, 0.05), ink)
    return _as_picture(canvas)


SITUATIONS: dict[str, Callable[[int, Source, Draw], Bytes]] = {
    "ones with flags, sevens": flagged,
    "in a frame": boxed,
    "screenshot of a program": screenshot,
    "screenshot of a phone": phone,
    "pixel art": pixelled,
    "faint strokes": faint,
    "turned by up to 20 degrees": turned,
    "slanted": slanted,
    "thin and thick pens": pens,
}


def digit_for(kind: str, index: int) -> int:
    """Which digit the picture of a kind with this index shows."""
    return (1, 7)[index % 2] if SITUATIONS[kind] is flagged else index % 10
