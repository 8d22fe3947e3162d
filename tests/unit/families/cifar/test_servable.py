"""Photographs of every kind and size become the 32 x 32 that the network takes."""

import io

import numpy as np
import pytest
from PIL import Image

from app.families.cifar.servable import CifarServable, resized
from app.families.imaging import read_picture
from tests.fakes import TinyExecutable, tiny_card

SERVABLE = CifarServable(tiny_card(), TinyExecutable(0.5))
RED = (200, 40, 30)


def decode(picture: Image.Image, kind: str = "PNG", crop="centre", **options: object):
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return SERVABLE.decode(
        read_picture(content.getvalue(), max_pixels=50_000_000, min_decode_size=SERVABLE.min_decode_size), crop
    )


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (32, 32), (33, 31), (512, 512), (3000, 40), (40, 3000)])
@pytest.mark.parametrize("crop", ["centre", "whole"])
def test_any_size_becomes_32_by_32_of_the_same_colour(size: tuple[int, int], crop):
    instance = decode(Image.new("RGB", size, RED), crop=crop)
    assert instance.shape == (32, 32, 3)
    assert instance.dtype == np.float32
    assert np.abs(instance * 255 - RED).max() <= 1


@pytest.mark.parametrize(
    ("picture", "kind", "expected"),
    [
        (Image.new("L", (64, 64), 90), "PNG", (90, 90, 90)),
        (Image.new("RGBA", (64, 64), (*RED, 0)), "PNG", (255, 255, 255)),
        (Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("P", (64, 64)), "GIF", (0, 0, 0)),
        (Image.new("I;16", (64, 64), 65535), "PNG", (255, 255, 255)),
    ],
    ids=["grey", "see-through", "CMYK", "palette", "16 bits"],
)
def test_any_kind_of_picture_becomes_rgb(picture: Image.Image, kind: str, expected: tuple[int, int, int]):
    assert np.abs(decode(picture, kind) * 255 - expected).max() <= 4


def test_the_centre_leaves_out_the_sides_and_the_whole_squeezes_them_in():
    wide = Image.new("RGB", (300, 100), "blue")
    wide.paste("yellow", (100, 0, 200, 100))
    assert (decode(wide)[:, :, 0] == 1).all(), "all yellow"
    whole = decode(wide, crop="whole")
    assert (whole[:, :10, 2] == 1).all()
    assert (whole[:, 12:20, 0] == 1).all()


def test_a_turned_photograph_is_turned_back():
    picture = Image.new("RGB", (64, 64), "black")
    picture.paste("white", (0, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    assert decode(picture, "JPEG", exif=exif)[4].max() < 0.1
    assert decode(picture, "JPEG")[4].min() > 0.9


def test_fine_patterns_are_averaged_and_not_sampled():
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    pixels = resized(np.repeat(board[..., None], 3, axis=2))
    assert np.abs(pixels.astype(int) - 127).max() <= 2


def test_a_jpeg_read_at_less_detail_looks_the_same():
    ramp = np.linspace(0, 255, 1024).astype(np.uint8)
    picture = Image.fromarray(np.repeat(np.tile(ramp, (1024, 1))[..., None], 3, axis=2))
    assert np.abs(decode(picture, "JPEG", quality=95) - decode(picture, "PNG")).max() < 0.03


def test_what_the_network_saw_can_be_looked_at():
    seen = Image.open(io.BytesIO(SERVABLE.preview(decode(Image.new("RGB", (64, 64), RED)))))
    assert seen.size == (32, 32)
    assert seen.getpixel((3, 3)) == RED
