"""Whatever way a digit is drawn or photographed, it arrives as MNIST's were made; what is no digit is refused."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.errors import InvalidRequest
from app.families.digit.normalise import normalise
from app.families.digit.stroke_rendering import cover_of
from app.families.imaging import png, read_picture, to_grey
from tests.drawing import draw_digit, on_paper

DIGITS = range(10)


def alike(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """How much two normalised digits agree, softened and moved by a pixel: 1 for the same, near 0 for strangers."""
    soft, other = (cv2.GaussianBlur(x, (0, 0), 1.2) for x in (a, b))
    moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(float(np.corrcoef(soft.ravel(), np.roll(other, move, (0, 1)).ravel())[0, 1]) for move in moves)


def reference(digit: int, style: int = 0) -> NDArray[np.float32]:
    """A digit from a roomy clean drawing."""
    return normalise(draw_digit(digit, 280, 20, style=style))


def grey_of(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photograph as it comes in by way of a file."""
    return to_grey(read_picture(png(photo), max_pixels=50_000_000))


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("style", [0, 1])
def test_a_drawing_is_boxed_and_centred_as_mnist_is(digit: int, style: int) -> None:
    result = reference(digit, style)
    assert result.shape == (28, 28)
    assert result.dtype == np.float32
    assert result.min() == 0
    assert 0.9 < result.max() <= 1
    rows, columns = np.flatnonzero(result.max(axis=1)), np.flatnonzero(result.max(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = result.sum()
    assert abs(result.sum(axis=1) @ np.arange(28) / mass - 14) <= 1
    assert abs(result.sum(axis=0) @ np.arange(28) / mass - 14) <= 1


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize(("ink", "ground"), [(255, 0), (40, 220), (200, 60), (120, 180)])
def test_tone_of_ink_and_ground_makes_no_difference(digit: int, ink: int, ground: int) -> None:
    assert alike(normalise(draw_digit(digit, 280, 20, ink=ink, ground=ground)), reference(digit)) > 0.97


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("size", [20, 40, 100, 500, 1000])
def test_size_of_the_picture_makes_little_difference(digit: int, size: int) -> None:
    assert alike(normalise(draw_digit(digit, size, size / 14)), reference(digit)) > 0.9


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("centre", [(0.3, 0.35), (0.7, 0.4), (0.6, 0.68)])
def test_place_and_scale_in_the_frame_make_no_difference(digit: int, centre: tuple[float, float]) -> None:
    assert alike(normalise(draw_digit(digit, 400, 14, tall=0.45, centre=centre)), reference(digit)) > 0.95


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("thickness", [1, 3, 8, 30, 40])
def test_strokes_of_any_thickness_come_near_mnists(digit: int, thickness: float) -> None:
    result = normalise(draw_digit(digit, 280, thickness))
    assert alike(result, reference(digit)) > 0.75
    depth = cv2.distanceTransform((cv2.resize(result, (280, 280)) > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    assert 1.5 < 4 * float(depth[depth > 0].mean()) / 10 < 5


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("ink", [0, 255])
def test_a_close_crop_keeps_its_polarity(digit: int, ink: int) -> None:
    picture = draw_digit(digit, 280, 24, style=1, ink=ink, ground=255 - ink)
    rows, columns = np.nonzero(picture == ink)
    crop = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert alike(normalise(crop), normalise(picture)) > 0.9


@pytest.mark.parametrize("digit", DIGITS)
def test_a_stroke_may_touch_the_border(digit: int) -> None:
    picture = draw_digit(digit, 280, 20)
    left = int(np.nonzero(picture < 128)[1].min())
    assert alike(normalise(picture[:, left + 3 :]), reference(digit)) > 0.9


@pytest.mark.parametrize("digit", [4, 5])
def test_detached_strokes_stay_together(digit: int) -> None:
    whole = draw_digit(digit, 280, 12, style=0 if digit == 4 else 1)
    assert cv2.connectedComponents((whole < 128).astype(np.uint8))[0] - 1 >= (2 if digit == 5 else 1)
    result = normalise(whole)
    assert result[:8].max() > 0.5
    assert result[19:].max() > 0.5


def test_dust_goes() -> None:
    picture = draw_digit(3, 280, 18)
    for x, y in ((15, 20), (250, 30), (262, 255), (20, 240), (140, 8)):
        cv2.circle(picture, (x, y), 2, 0, -1)
    assert alike(normalise(picture), reference(3)) > 0.97


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize(
    "scene",
    [
        {"shade": 0.6},
        {"noise": 12.0},
        {"blur": 3.0},
        {"table": 0.12},
        {"ruled": 30},
        {"paper": (215, 190, 120), "ink": (40, 40, 130)},
        {"paper": (40, 55, 45), "ink": (225, 225, 215)},
    ],
    ids=["shade", "noise", "blur", "table", "ruled", "yellow paper", "blackboard"],
)
def test_a_photograph_gives_the_digit_alone(digit: int, scene: dict[str, Any]) -> None:
    cover = cover_of(digit, (300, 400), 10, tall=0.5, centre=(0.55, 0.45))
    assert alike(normalise(grey_of(on_paper(cover, seed=digit, **scene))), reference(digit)) > 0.9


@pytest.mark.parametrize("digit", DIGITS)
def test_a_card_on_a_dark_table_is_looked_into(digit: int) -> None:
    picture = np.full((400, 600), 60, np.uint8)
    picture[80:320, 180:420] = draw_digit(digit, 240, 14, ground=220, ink=40)
    assert alike(normalise(picture), reference(digit)) > 0.9


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("inset", [0, 12])
def test_a_frame_round_the_digit_is_no_ink(digit: int, inset: int) -> None:
    picture = draw_digit(digit, 280, 16, tall=0.6)
    cv2.rectangle(picture, (inset, inset), (279 - inset, 279 - inset), 0, 2)
    assert alike(normalise(picture), reference(digit)) > 0.9


def blank(kind: str, seed: int) -> NDArray[np.uint8]:
    """A picture without a digit."""
    rng = np.random.default_rng(seed)
    empty = np.zeros((300, 400), np.float32)
    if kind == "one colour":
        return np.full((60 + seed, 80), 40 * seed, np.uint8)
    if kind == "noise":
        return rng.integers(0, 256, (28 + 60 * seed, 28 + 40 * seed), dtype=np.uint8)
    if kind == "grain":
        return np.clip(rng.normal(128, 10 + 10 * seed, (200, 200)), 0, 255).astype(np.uint8)
    if kind == "gradient":
        return np.tile(np.linspace(20 * seed, 255, 200).astype(np.uint8), (150, 1))
    return grey_of(on_paper(empty, seed=seed, noise=2.0 + 4 * seed, shade=0.2 + 0.1 * seed))


@pytest.mark.parametrize("kind", ["one colour", "noise", "grain", "gradient", "blank paper"])
@pytest.mark.parametrize("seed", range(5))
def test_a_picture_without_a_digit_is_refused(kind: str, seed: int) -> None:
    with pytest.raises(InvalidRequest, match=r"no digit found.*expected one digit"):
        normalise(blank(kind, seed))


def test_a_picture_made_as_mnists_passes_through_in_either_polarity() -> None:
    picture = np.rint(reference(8) * 255).astype(np.uint8)
    assert np.array_equal(normalise(picture), picture.astype(np.float32) / np.float32(255))
    assert np.array_equal(normalise(255 - picture), picture.astype(np.float32) / np.float32(255))


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 60), width=st.integers(1, 60), seed=st.integers(0, 999), levels=st.integers(1, 8))
def test_any_picture_is_normalised_or_refused(height: int, width: int, seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    tones = rng.integers(0, 256, levels, dtype=np.uint8)
    coarse = tones[rng.integers(0, levels, (height // 6 + 1, width // 6 + 1))]
    picture = np.repeat(np.repeat(coarse, 6, axis=0), 6, axis=1)[:height, :width]
    try:
        result = normalise(np.ascontiguousarray(picture))
    except InvalidRequest:
        return
    assert result.shape == (28, 28)
    assert 0 <= result.min() < result.max() <= 1


@pytest.mark.parametrize("dark_ink", [False, True])
def test_mnist_itself_passes_through(mnist: Path, dark_ink: bool) -> None:
    with np.load(mnist) as data:
        digits = data["x_test"]
    same = 0
    for digit in digits:
        sent = read_picture(png(255 - digit if dark_ink else digit), max_pixels=1_000)
        same += int(np.allclose(normalise(to_grey(sent)), digit / np.float32(255), atol=1e-6))
    assert same >= 0.99 * len(digits)


def test_mnist_drawn_large_is_never_taken_for_several_digits(mnist: Path) -> None:
    with np.load(mnist) as data:
        digits = data["x_test"][:2000]
    refused = 0
    for digit in digits:
        large = cv2.resize(digit, (112, 112), interpolation=cv2.INTER_CUBIC)
        try:
            normalise(np.pad(large, 8))
        except InvalidRequest:
            refused += 1
    assert refused <= 0.002 * len(digits)
