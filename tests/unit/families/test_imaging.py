"""Pictures as people send them become arrays, or are refused with what was expected."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.errors import InvalidRequest
from app.families.imaging import png, read_picture, to_grey, to_rgb
from tests.drawing import draw_digit
from tests.payloads import png_claiming

LIMIT = 50_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The picture as a file."""
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def drawing(mode: str = "L") -> Image.Image:
    """A 3 in black on white."""
    return Image.fromarray(draw_digit(3, 64, 6)).convert(mode)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_usual_format_is_read(kind: str) -> None:
    grey = to_grey(read_picture(encoded(drawing(), kind), max_pixels=LIMIT))
    assert grey.shape == (64, 64)
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - draw_digit(3, 64, 6)).mean() < 3


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    assert np.array_equal(to_grey(read_picture(encoded(drawing(), kind), max_pixels=LIMIT)), draw_digit(3, 64, 6))


def test_png_is_read_back_as_it_was() -> None:
    grey = draw_digit(5, 28, 3)
    assert np.array_equal(to_grey(read_picture(png(grey), max_pixels=LIMIT)), grey)
    colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(to_rgb(read_picture(png(colours), max_pixels=LIMIT)), colours)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "empty.*expected a PNG"),
        (b"not a picture at all", "not a picture.*expected a PNG"),
        (b"\x89PNG\r\n\x1a\n", "not a picture.*expected a PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "expected a PNG"),
        (png_claiming(0, 5), "expected a PNG"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_was_expected(payload: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read_picture(payload, max_pixels=LIMIT)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_refused_with_what_was_expected(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    payload = encoded(Image.fromarray(noise), kind)
    with pytest.raises(InvalidRequest, match="expected a PNG"):
        read_picture(payload[: int(share * len(payload))], max_pixels=LIMIT)


@pytest.mark.parametrize("side", [8_000, 12_000, 30_000, 100_000])
def test_a_bomb_is_refused_from_its_header(side: int) -> None:
    with pytest.raises(InvalidRequest, match=r"pixels.*expected"):
        read_picture(png_claiming(side, side), max_pixels=LIMIT)


def test_the_limit_itself_is_allowed_and_one_pixel_more_is_not() -> None:
    assert read_picture(encoded(Image.new("L", (10, 10))), max_pixels=100).size == (10, 10)
    with pytest.raises(InvalidRequest, match="10 x 10 pixels: expected at most 99"):
        read_picture(encoded(Image.new("L", (10, 10))), max_pixels=99)


def test_text_that_unpacks_to_megabytes_is_refused() -> None:
    body = b"note\0\0" + zlib.compress(bytes(50_000_000))
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    payload = encoded(drawing())
    with pytest.raises(InvalidRequest):
        read_picture(payload[:33] + chunk + payload[33:], max_pixels=LIMIT)


def test_only_the_first_frame_counts() -> None:
    frames = [Image.new("L", (9, 9), tone) for tone in (10, 200)]
    for kind in ("GIF", "TIFF", "WEBP"):
        payload = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert abs(int(to_grey(read_picture(payload, max_pixels=LIMIT))[4, 4]) - 10) < 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_as_its_exif_says(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = Image.fromarray(draw_digit(7, 64, 6)).transpose(Image.Transpose.ROTATE_90).crop((0, 0, 64, 50))
    grey = to_grey(read_picture(encoded(sideways, kind, exif=exif), max_pixels=LIMIT))
    expected = np.asarray(sideways.transpose(Image.Transpose.ROTATE_270))
    assert grey.shape == (64, 50)
    assert np.abs(grey.astype(int) - expected).mean() < 4


def test_damaged_exif_does_not_spoil_a_good_picture() -> None:
    payload = encoded(drawing(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff garbage")
    assert read_picture(payload, max_pixels=LIMIT).size == (64, 64)


def test_a_big_jpeg_is_decoded_smaller_but_not_too_small() -> None:
    picture = read_picture(encoded(Image.new("RGB", (4000, 3000), "white"), "JPEG"), max_pixels=LIMIT)
    assert 1024 <= min(picture.size) < 2100
    assert abs(picture.width / picture.height - 4 / 3) < 0.01


def in_mode(plain: Image.Image, mode: str) -> Image.Image:
    """A grey picture in any of Pillow's modes."""
    if mode == "LAB":
        neutral = Image.new("L", plain.size, 128)
        return Image.merge("LAB", [plain, neutral, neutral])
    if mode.startswith("I;16"):
        deep = np.asarray(plain).astype(np.uint16) * 257
        return Image.frombytes(mode, plain.size, deep.astype(">u2" if mode == "I;16B" else "<u2").tobytes())
    by_way_of = {"PA": "P", "La": "LA", "RGBa": "RGBA", "HSV": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "RGBX": "RGB"}
    return plain.convert(by_way_of.get(mode, "L")).convert(mode)


GREY_MODES = ["1", "L", "I;16", "I;16B", "I", "F", "LA", "La"]
COLOUR_MODES = ["P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"]


@pytest.mark.parametrize("mode", GREY_MODES + COLOUR_MODES)
def test_every_mode_becomes_grey_and_colours(mode: str) -> None:
    black_on_white = np.where(draw_digit(3, 64, 6) > 127, 255, 0).astype(np.uint8)
    picture = in_mode(Image.fromarray(black_on_white), mode)
    assert picture.mode == mode
    grey, colours = to_grey(picture), to_rgb(picture)
    assert grey.shape == (64, 64)
    assert colours.shape == (64, 64, 3)
    assert grey.dtype == colours.dtype == np.uint8
    assert np.abs(grey.astype(int) - black_on_white).max() <= 2
    assert np.abs(colours.astype(int) - black_on_white[..., None]).max() <= 2


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e9])
def test_floats_are_scaled_by_what_their_range_must_mean(top: float) -> None:
    values = np.linspace(0, top, 256, dtype=np.float32).reshape(16, 16)
    assert np.abs(to_grey(Image.fromarray(values)).astype(int) - np.arange(256).reshape(16, 16)).max() <= 1


def test_floats_that_are_no_numbers_become_black() -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, 1.0]], np.float32)
    assert to_grey(Image.fromarray(values)).tolist() == [[0, 0], [0, 255]]


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (200, 20, 20), (30, 30, 220), (250, 240, 80)])
def test_ink_on_a_transparent_canvas_stands_out_whatever_its_colour(ink: tuple[int, int, int]) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :3] = ink
    pixels[..., 3] = 255 - draw_digit(3, 64, 6)
    grey = to_grey(read_picture(png_of_rgba(pixels), max_pixels=LIMIT)).astype(int)
    assert abs(grey[pixels[..., 3] == 255].mean() - grey[pixels[..., 3] == 0].mean()) > 120


def png_of_rgba(pixels: np.ndarray) -> bytes:
    """A PNG with alpha."""
    return encoded(Image.fromarray(pixels))


def test_opaque_alpha_is_ignored() -> None:
    grey = draw_digit(3, 64, 6)
    pixels = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    assert np.array_equal(to_grey(Image.fromarray(pixels)), grey)


def test_a_card_with_clear_corners_keeps_its_own_ground() -> None:
    card = draw_digit(3, 64, 6)
    alpha = np.full_like(card, 255)
    alpha[:10, :10] = alpha[-10:, -10:] = 0
    assert to_grey(Image.fromarray(np.dstack([card, card, card, alpha])))[0, 0] == 255


def test_a_palette_with_transparency_is_backed_too() -> None:
    picture = drawing("1").convert("P")
    picture.info["transparency"] = 255
    assert int(np.ptp(to_grey(read_picture(encoded(picture, "GIF"), max_pixels=LIMIT)))) > 200


def test_transparent_ground_is_white_in_colours() -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[0, 0] = (200, 10, 10, 255)
    colours = to_rgb(Image.fromarray(pixels))
    assert colours[0, 0].tolist() == [200, 10, 10]
    assert colours[3, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("ink", "ground"), [((255, 255, 0), (255, 255, 255)), ((220, 20, 20), (20, 115, 20))])
def test_colours_of_equal_brightness_still_stand_out(ink: tuple[int, ...], ground: tuple[int, ...]) -> None:
    cover = (255 - draw_digit(3, 64, 6)[..., None].astype(float)) / 255
    colours = (np.array(ground) + cover * (np.array(ink) - np.array(ground))).astype(np.uint8)
    assert int(np.ptp(to_grey(Image.fromarray(colours)))) > 150


SEEDS = [
    encoded(drawing("RGB").resize((24, 24)), kind, **options)
    for kind, options in (
        ("PNG", {}),
        ("JPEG", {"exif": Image.Exif()}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {}),
        ("PPM", {}),
    )
]


@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    cut=st.floats(0, 1),
)
def test_mutated_files_are_read_or_refused_and_nothing_else(
    seed: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    payload = bytearray(seed)
    for store_fixture, value in changes:
        payload[int(store_fixture * min(len(payload), 400))] = value
    if cut < 0.3:
        payload = payload[: int(cut / 0.3 * len(payload))]
    try:
        picture = read_picture(bytes(payload), max_pixels=1_000_000)
    except InvalidRequest:
        return
    assert to_grey(picture).shape == to_rgb(picture).shape[:2] == (picture.height, picture.width)
