"""Pictures of nothing that a classifier of digits or photographs knows, drawn by code, a generator for each kind.

Every picture is an array (h, w, 3) uint8 of its own size; the same seed gives the same pictures.
"""

import io
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

mpl.use("Agg")
from matplotlib import pyplot as plt

Picture: TypeAlias = NDArray[np.uint8]
Draw: TypeAlias = np.random.Generator

WORDS = (
    "the",
    "service",
    "answers",
    "when",
    "every",
    "network",
    "has",
    "been",
    "trained",
    "and",
    "each",
    "picture",
    "shows",
)
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZabdefghkmnpqrtwxy"
SYMBOLS = "&@#%$€£?!*+=~^{}[]<>→←↑↓∑∏√∞≈≠♥♠♦♣★☂☎☀☺✓✗♫§¶©®∂∆ΩΨπλβ"


def sizes(rng: Draw) -> tuple[int, int]:
    """Height and width of a picture, as people's pictures have them."""
    side = int(rng.choice([32, 64, 128, 256, 400]))
    return side, int(side * rng.choice([1.0, 1.0, 1.33, 0.75]))


def colour(rng: Draw) -> tuple[int, int, int]:
    """Any colour."""
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def two_tones(rng: Draw) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Ink and ground that can be told apart; often black and white."""
    if rng.random() < 0.5:
        black, white = (0, 0, 0), (255, 255, 255)
        return (black, white) if rng.random() < 0.6 else (white, black)
    while True:
        ink, ground = colour(rng), colour(rng)
        if abs(sum(ink) - sum(ground)) > 240:
            return ink, ground


def font(rng: Draw, size: int) -> Any:
    """One of the fonts that come with matplotlib."""
    styles: list[dict[str, Any]] = [
        {},
        {"weight": "bold"},
        {"family": "serif"},
        {"family": "monospace"},
        {"style": "italic"},
    ]
    chosen: Any = font_manager.FontProperties(**styles[int(rng.integers(len(styles)))])
    return ImageFont.truetype(font_manager.findfont(chosen), max(6, size))


def _canvas(rng: Draw, ground: tuple[int, int, int]) -> tuple[Image.Image, Any]:
    height, width = sizes(rng)
    picture = Image.new("RGB", (width, height), ground)
    return picture, ImageDraw.Draw(picture)


def white_noise(rng: Draw) -> Picture:
    """Each pixel by itself: even or normal, in colour or grey, or black and white."""
    height, width = sizes(rng)
    depth = int(rng.choice([1, 3]))
    pixels: Any
    match int(rng.integers(3)):
        case 0:
            pixels = rng.integers(0, 256, (height, width, depth))
        case 1:
            pixels = rng.normal(rng.uniform(60, 200), rng.uniform(20, 90), (height, width, depth))
        case _:
            pixels = 255 * (rng.random((height, width, depth)) < rng.uniform(0.05, 0.95))
    return np.broadcast_to(pixels.clip(0, 255).astype(np.uint8), (height, width, 3)).copy()


def smooth_noise(rng: Draw) -> Picture:
    """Noise of a few waves only, enlarged, or a sum of octaves, as clouds are made."""
    height, width = sizes(rng)
    depth = int(rng.choice([1, 3]))
    total = np.zeros((height, width, depth), np.float32)
    first, octaves = int(rng.integers(2, 12)), int(rng.choice([1, 4]))
    for octave in range(octaves):
        few = min(first * 2**octave, height)
        coarse = rng.normal(0, 1, (few, few, depth)).astype(np.float32)
        method = cv2.INTER_NEAREST if rng.random() < 0.2 else cv2.INTER_CUBIC
        total += cv2.resize(coarse, (width, height), interpolation=method).reshape(total.shape) / 2**octave
    spread = rng.uniform(25, 80)
    pixels = rng.uniform(80, 180) + spread * total / max(1e-6, float(total.std()))
    return np.broadcast_to(pixels.clip(0, 255).astype(np.uint8), (height, width, 3)).copy()


def plain(rng: Draw) -> Picture:
    """One colour, perhaps with a trace of noise."""
    pixels = np.empty((*sizes(rng), 3), np.float32)
    pixels[:] = colour(rng)
    return _bytes(pixels + rng.normal(0, rng.choice([0, 0, 2, 6]), pixels.shape))


def gradient(rng: Draw) -> Picture:
    """One colour into another, straight or from a middle."""
    height, width = sizes(rng)
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * math.pi)
    way = rows * math.sin(angle) + columns * math.cos(angle)
    if rng.random() < 0.4:
        way = np.hypot(rows - rng.random(), columns - rng.random())
    way = ((way - way.min()) / np.ptp(way))[..., None]
    return _bytes(way * np.array(colour(rng)) + (1 - way) * np.array(colour(rng)))


def stripes(rng: Draw) -> Picture:
    """Stripes, a chequerboard, dots or rings."""
    height, width = sizes(rng)
    rows, columns = np.mgrid[0 : height * 1.0, 0 : width * 1.0] / max(height, width)
    waves, angle = rng.uniform(2, 20), rng.uniform(0, math.pi)
    along = rows * math.sin(angle) + columns * math.cos(angle)
    across = columns * math.sin(angle) - rows * math.cos(angle)
    match int(rng.integers(4)):
        case 0:
            value = np.sin(2 * math.pi * waves * along)
        case 1:
            value = np.sin(2 * math.pi * waves * along) * np.sin(2 * math.pi * waves * across)
        case 2:
            value = np.cos(2 * math.pi * waves * along) + np.cos(2 * math.pi * waves * across) - 1
        case _:
            value = np.sin(2 * math.pi * waves * np.hypot(rows - rng.random(), columns - rng.random()))
    share = (value > 0) if rng.random() < 0.7 else (value - value.min()) / np.ptp(value)
    share = np.asarray(share, np.float32)[..., None]
    ink, ground = two_tones(rng)
    return _bytes(share * np.array(ink) + (1 - share) * np.array(ground))


def texture(rng: Draw) -> Picture:
    """Bricks, wood, cloth or marble, more or less."""
    height, width = sizes(rng)
    rows, columns = np.mgrid[0 : height * 1.0, 0 : width * 1.0] / max(height, width)
    coarse = rng.normal(0, 1, (6, 6)).astype(np.float32)
    bend = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    waves = rng.uniform(4, 15)
    match int(rng.integers(4)):
        case 0:
            shifted = columns + 0.5 / waves * (np.floor(rows * 2 * waves) % 2)
            share = ((rows * 2 * waves) % 1 > 0.12) & ((shifted * waves) % 1 > 0.06)
        case 1:
            share = 0.5 + 0.5 * np.sin(2 * math.pi * waves * (rows + 0.1 * bend))
        case 2:
            share = 0.5 + 0.25 * np.sign(np.sin(8 * waves * columns)) + 0.25 * np.sign(np.sin(8 * waves * rows))
        case _:
            share = np.abs(np.sin(waves * (rows + columns) + 2.5 * bend))
    share = np.asarray(share, np.float32)[..., None]
    pixels = share * np.array(colour(rng)) + (1 - share) * np.array(colour(rng))
    return _bytes(pixels + rng.normal(0, rng.uniform(0, 12), (height, width, 1)))


def letter(rng: Draw) -> Picture:
    """One letter that is no digit."""
    return _glyph(rng, rng.choice(list(LETTERS)))


def symbol(rng: Draw) -> Picture:
    """A sign, an arrow, a Greek letter."""
    return _glyph(rng, rng.choice(list(SYMBOLS)))


def word(rng: Draw) -> Picture:
    """A few letters side by side."""
    return _glyph(rng, str(rng.choice(WORDS[1:])))


def _glyph(rng: Draw, text: str) -> Picture:
    ink, ground = two_tones(rng)
    picture, pen = _canvas(rng, ground)
    size = 0.75 * min(picture.size) / (1 + 0.45 * (len(text) - 1))
    middle = (picture.width / 2, picture.height / 2)
    pen.text(middle, text, ink, font(rng, int(size)), anchor="mm")
    turned = picture.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR, fillcolor=ground)
    return np.asarray(turned)


def page(rng: Draw) -> Picture:
    """A page full of text."""
    ink, ground = two_tones(rng)
    picture, pen = _canvas(rng, ground)
    size = int(rng.integers(7, 20))
    face = font(rng, size)
    for top in range(size, picture.height - size, int(size * 1.4)):
        line = " ".join(rng.choice(WORDS, 3 + picture.width // size // 3))
        pen.text((size, top), line[: int(picture.width / size * 1.6)], ink, face)
    return np.asarray(picture)


def screen(rng: Draw) -> Picture:
    """A program's window: bars, fields, buttons and words."""
    light = rng.random() < 0.6
    ground = (245, 246, 248) if light else (30, 32, 38)
    picture, pen = _canvas(rng, ground)
    width, height = picture.size
    accent, ink = colour(rng), (20, 20, 20) if light else (230, 230, 230)
    pen.rectangle((0, 0, width, height // 10), accent)
    if rng.random() < 0.6:
        pen.rectangle((0, height // 10, width // 5, height), tuple(max(0, tone - 14) for tone in ground))
    for _ in range(int(rng.integers(3, 14))):
        x, y = rng.uniform(0.05, 0.8) * width, rng.uniform(0.12, 0.9) * height
        box = (x, y, x + rng.uniform(0.08, 0.5) * width, y + rng.uniform(0.03, 0.2) * height)
        filled = rng.random() < 0.4
        pen.rectangle(box, fill=colour(rng) if filled else None, outline=ink if not filled else None)
        pen.text((x + 3, y + 2), str(rng.choice(WORDS)), ink, font(rng, height // 22))
    return np.asarray(picture)


def chart(rng: Draw) -> Picture:
    """A plot as matplotlib draws it: lines, bars, points, a pie, a histogram, a heat map."""
    figure, axes = plt.subplots(figsize=(rng.uniform(2, 5), rng.uniform(2, 4)), dpi=80)
    count = int(rng.integers(4, 20))
    match int(rng.integers(6)):
        case 0:
            for _ in range(int(rng.integers(1, 5))):
                axes.plot(rng.normal(0, 1, count).cumsum())
        case 1:
            axes.bar(range(count), rng.random(count), color=np.array(colour(rng)) / 255)
        case 2:
            axes.scatter(rng.random(5 * count), rng.random(5 * count), rng.uniform(4, 40), rng.random(5 * count))
        case 3:
            axes.pie(rng.random(int(rng.integers(3, 8))))
        case 4:
            axes.hist(rng.normal(0, 1, 300), count)
        case _:
            axes.imshow(rng.random((count, count)), cmap=str(rng.choice(["viridis", "magma", "coolwarm", "gray"])))
    if rng.random() < 0.5:
        axes.grid(visible=True)
    if rng.random() < 0.4:
        axes.set_title(" ".join(rng.choice(WORDS, 3)))
    target = io.BytesIO()
    figure.savefig(target, format="png")
    plt.close(figure)
    return np.asarray(Image.open(target).convert("RGB"))


def drawing(rng: Draw) -> Picture:
    """Shapes filled or in outline, a face, a house, scribbles."""
    ink, ground = two_tones(rng)
    picture, pen = _canvas(rng, ground)
    width, height = picture.size
    thick = max(1, int(min(width, height) * rng.uniform(0.02, 0.06)))
    at = lambda x, y: (x * width, y * height)  # noqa: E731  one line's short hand
    match int(rng.integers(4)):
        case 0:
            for _ in range(int(rng.integers(1, 6))):
                corners = [at(*rng.random(2)) for _ in range(int(rng.integers(3, 6)))]
                pen.polygon(corners, fill=colour(rng) if rng.random() < 0.6 else None, outline=ink, width=thick)
        case 1:
            pen.ellipse((*at(0.2, 0.15), *at(0.8, 0.85)), outline=ink, width=thick)
            for x in (0.38, 0.62):
                pen.ellipse((*at(x - 0.04, 0.35), *at(x + 0.04, 0.43)), fill=ink)
            pen.arc((*at(0.35, 0.45), *at(0.65, 0.72)), 20, 160, ink, thick)
        case 2:
            pen.rectangle((*at(0.25, 0.45), *at(0.75, 0.9)), outline=ink, width=thick)
            pen.line([at(0.2, 0.45), at(0.5, 0.12), at(0.8, 0.45)], ink, thick)
            pen.rectangle((*at(0.45, 0.65), *at(0.56, 0.9)), fill=ink)
        case _:
            points = [at(*(0.5 + 0.15 * rng.normal(0, 1, 2)).clip(0.05, 0.95)) for _ in range(12)]
            pen.line(points, ink, thick, joint="curve")
    return np.asarray(picture)


KINDS: Mapping[str, Callable[[Draw], Picture]] = {
    "white noise": white_noise,
    "smooth noise": smooth_noise,
    "plain colours": plain,
    "gradients": gradient,
    "stripes and dots": stripes,
    "textures": texture,
    "letters": letter,
    "symbols": symbol,
    "words": word,
    "pages of text": page,
    "screens": screen,
    "charts": chart,
    "drawings": drawing,
}


def strange(kind: str, number: int, seed: int) -> Iterator[Picture]:
    """`number` pictures of a kind."""
    rng = np.random.default_rng([seed, *kind.encode()])
    for _ in range(number):
        yield KINDS[kind](rng)


def digits(pictures: NDArray[np.uint8], number: int, seed: int) -> Iterator[Picture]:
    """MNIST's pictures (n, 28, 28) as others send them: white on black or in two tones, small or enlarged."""
    rng = np.random.default_rng(seed)
    for index in rng.integers(0, len(pictures), number):
        share = pictures[index].astype(np.float32) / 255
        side = int(rng.choice([28, 32, 64, 160, 320]))
        if side > 28:
            method = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
            share = np.asarray(cv2.resize(share, (side, side), interpolation=method), np.float32).clip(0, 1)
        ink, ground = ((255,) * 3, (0,) * 3) if rng.random() < 0.5 else two_tones(rng)
        yield _bytes(share[..., None] * np.array(ink) + (1 - share[..., None]) * np.array(ground))


def _bytes(pixels: Any) -> Picture:
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)
