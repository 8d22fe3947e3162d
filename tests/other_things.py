"""Pictures of what is no single digit, drawn by code from a seed, in other ways than those that training knows."""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.situations import FONTS, Bytes, Draw, Source

LETTER_FONTS = (
    "DejaVuSans",
    "DejaVuSerif-Bold",
    "DejaVuSansMono",
    "STIXGeneral",
    "STIXGeneralItalic",
    "cmr10",
    "cmtt10",
)
# Those that are written as a digit is (O, l, I, S, Z, b, q, g ...) cannot be told from it.
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy"
SYMBOLS = "+*#@&%?!=<>~$€←→↑↓↔★☆♥♠♣♦♪♫✓✗☺☂☎✂✈☼▲▼◆■●∑∞√∫≈≠±÷×§¶"
Photographs: TypeAlias = NDArray[np.uint8]


def written(text: str, font: str, rng: Draw, size: int = 280) -> Bytes:
    """A text in a font, dark on light or light on dark, a little turned."""
    ground, ink = ((250, 20), (15, 235))[int(rng.random() < 0.3)]
    face = ImageFont.truetype(str(FONTS / f"{font}.ttf"), int(size * rng.uniform(0.45, 0.75) / max(1, 0.6 * len(text))))
    picture = Image.new("L", (size, size), ground)
    ImageDraw.Draw(picture).text((size / 2, size / 2), text, ink, face, anchor="mm")
    return np.asarray(picture.rotate(rng.uniform(-8, 8), Image.Resampling.BICUBIC, fillcolor=ground))


def letter(rng: Draw) -> Bytes:
    """A Latin letter in one of seven fonts."""
    return written(str(rng.choice(list(LETTERS))), str(rng.choice(LETTER_FONTS)), rng)


def word(rng: Draw) -> Bytes:
    """Two to five letters."""
    return written("".join(rng.choice(list(LETTERS), rng.integers(2, 6))), str(rng.choice(LETTER_FONTS)), rng)


def symbol(rng: Draw) -> Bytes:
    """Arrows, stars, hearts, notes, signs of mathematics."""
    return written(str(rng.choice(list(SYMBOLS))), "DejaVuSans", rng)


def several(source: Source, rng: Draw) -> Bytes:
    """Two to four digits beside each other, clear of each other."""
    count = int(rng.integers(2, 5))
    tall = 110.0
    covers = [source(int(rng.integers(10)), tall * rng.uniform(0.9, 1.1)) for _ in range(count)]
    gaps = [int(rng.uniform(0.08, 0.5) * tall) for _ in covers]
    width = sum(cover.shape[1] for cover in covers) + sum(gaps) + 60
    ground, ink = ((250.0, 20.0), (10.0, 240.0))[int(rng.random() < 0.3)]
    canvas = np.full((220, width), ground, np.float32)
    x = 30
    for cover, gap in zip(covers, gaps, strict=True):
        y = int(50 + rng.uniform(0, 12))
        part = canvas[y : y + cover.shape[0], x : x + cover.shape[1]]
        part += cover * (ink - part)
        x += cover.shape[1] + gap
    return np.asarray(canvas.clip(0, 255), np.uint8)


def photograph(pictures: Photographs, rng: Draw) -> Bytes:
    """A photograph (32, 32, 3) in grey: as small as it is, enlarged, or a part of it."""
    grey = cv2.cvtColor(pictures[rng.integers(len(pictures))], cv2.COLOR_RGB2GRAY)
    kind = rng.integers(3)
    if kind == 2:
        x, y = (int(v) for v in rng.integers(0, 12, 2))
        grey = np.ascontiguousarray(grey[y : y + 20, x : x + 20])
    if kind == 0:
        return np.asarray(grey, np.uint8)
    side = int(rng.integers(64, 500))
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def scene(rng: Draw) -> Bytes:
    """A landscape of code: a sky, hills, a sun or a house, with grain."""
    height, width = 240, 320
    canvas = np.repeat(np.linspace(rng.uniform(150, 230), rng.uniform(120, 220), height)[:, None], width, axis=1)
    for level in np.linspace(0.4, 0.8, rng.integers(2, 5)):
        heights = np.cumsum(rng.normal(0, 1.5, width)) + level * height
        rows = np.arange(height)[:, None]
        canvas[rows > heights] = rng.uniform(20, 200)
    for _ in range(rng.integers(0, 6)):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = rng.uniform(6, 40)
        axes = (int(radius), int(radius * rng.uniform(1, 1.8)))  # a slimmer one is a 1
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0, 255)), -1)
    blurred = cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), rng.uniform(0.8, 2))
    return np.asarray((blurred + rng.normal(0, rng.uniform(2, 8), canvas.shape)).clip(0, 255), np.uint8)


def chart(rng: Draw) -> Bytes:
    """Axes with bars, a curve or points."""
    canvas = np.full((260, 340), 255, np.uint8)
    cv2.line(canvas, (40, 20), (40, 220), 0, 2)
    cv2.line(canvas, (40, 220), (320, 220), 0, 2)
    kind = rng.integers(3)
    xs = np.linspace(55, 300, rng.integers(5, 12)).astype(int)
    ys = rng.integers(40, 210, len(xs))
    if kind == 0:
        for x, y in zip(xs, ys, strict=True):
            cv2.rectangle(canvas, (int(x), int(y)), (int(x) + 14, 220), int(rng.integers(30, 180)), -1)
    elif kind == 1:
        cv2.polylines(canvas, [np.stack([xs, ys], axis=1).astype(np.int32)], False, 40, 3, cv2.LINE_AA)
    else:
        for x, y in zip(xs, ys, strict=True):
            cv2.circle(canvas, (int(x), int(y)), 5, 40, -1, cv2.LINE_AA)
    for x in xs[::2]:
        cv2.putText(
            canvas, str(int(rng.integers(100))), (int(x), 240), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA
        )
    return canvas


def noise(rng: Draw) -> Bytes:
    """Noise of some grain, or stripes, or checks."""
    kind = rng.integers(3)
    if kind == 0:
        cells = int(rng.integers(8, 100))
        coarse = rng.integers(0, 256, (cells, cells)).astype(np.uint8)
        return np.asarray(cv2.resize(coarse, (200, 200), interpolation=cv2.INTER_LINEAR), np.uint8)
    step = int(rng.integers(8, 50))
    rows, columns = np.mgrid[:200, :200]
    if kind == 1:
        return np.asarray(((columns + rows * rng.integers(2)) // step % 2) * 200 + 20, np.uint8)
    return np.asarray(((columns // step + rows // step) % 2) * 200 + 20, np.uint8)


def scribble(rng: Draw) -> Bytes:
    """A pen going to and fro: zigzags, coils and hatching."""
    canvas = np.full((280, 280), 255, np.uint8)
    t = np.linspace(0, rng.uniform(4, 12) * np.pi, 300)
    kind = rng.integers(3)
    if kind == 0:
        x, y = t / t[-1] * 200 + 40, 140 + 80 * np.sin(t * rng.uniform(0.8, 1.5))
    elif kind == 1:
        x, y = 140 + 60 * np.cos(t) + t / t[-1] * 60, 140 + 60 * np.sin(t) + rng.normal(0, 1, t.size)
    else:
        x, y = (140 + np.cumsum(np.cumsum(rng.normal(0, 0.6, t.size))).clip(-110, 110) for _ in range(2))
        if np.ptp(x) < 60 or np.ptp(y) < 60:
            return scribble(rng)
    cv2.polylines(canvas, [np.stack([x, y], axis=1).astype(np.int32)], False, 0, int(rng.integers(3, 12)), cv2.LINE_AA)
    return canvas


def blank(rng: Draw) -> Bytes:
    """One tone, perhaps with a ramp and grain."""
    ramp = np.linspace(0, rng.uniform(0, 80), 240)[None].repeat(200, 0) + rng.uniform(40, 170)
    return np.asarray((ramp + rng.normal(0, rng.uniform(0, 4), ramp.shape)).clip(0, 255), np.uint8)


OTHER_THINGS: dict[str, Callable[[Draw], Bytes]] = {
    "letters": letter,
    "words": word,
    "symbols": symbol,
    "drawn landscapes": scene,
    "charts": chart,
    "noise, stripes, checks": noise,
    "scribbles": scribble,
    "blank": blank,
}
