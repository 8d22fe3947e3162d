"""What phones and programs send: HEIC and AVIF, pictures of many pixels, and moving ones that begin with nothing."""

import io
import resource
import struct
import subprocess
import sys

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from app.errors import InvalidRequest
from app.families.image_headers import gif_extents, is_one_scan
from app.families.imaging import is_heic, open_picture, read_picture, to_grey, to_rgb
from app.settings import Settings
from tests.drawing import draw_digit
from tests.payloads import gif_claiming

LIMIT = 50_000_000
INK, CLEAR, WHITE = (200, 0, 0, 255), (0, 0, 0, 0), (255, 255, 255, 255)


@pytest.fixture(autouse=True, scope="module")
def _writing_heic() -> None:
    pillow_heif.register_heif_opener()


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def drawing(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(draw_digit(3, 64, 6)).convert(mode)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_heic_and_avif_are_read(kind: str, mode: str):
    grey = to_grey(read_picture(encoded(drawing(mode), kind), max_pixels=LIMIT))
    assert np.abs(grey.astype(int) - draw_digit(3, 64, 6)).mean() < 4


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_heic_and_avif_are_turned_once_as_they_say(kind: str):
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = drawing().transpose(Image.Transpose.ROTATE_90).crop((0, 0, 64, 50))
    sideways.info["exif"] = exif.tobytes()  # with which HEIC's writer turns as telephones do
    grey = to_grey(read_picture(encoded(sideways, kind, exif=exif.tobytes()), max_pixels=LIMIT))
    expected = np.asarray(sideways.transpose(Image.Transpose.ROTATE_270).convert("L"))
    assert grey.shape == (64, 50)
    assert np.abs(grey.astype(int) - expected).mean() < 5


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_truncated_heic_and_avif_are_refused(kind: str, share: float):
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    payload = encoded(Image.fromarray(noise), kind)
    with pytest.raises(InvalidRequest, match="expected a PNG"):
        read_picture(payload[: int(share * len(payload))], max_pixels=LIMIT)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_heic_and_avif_of_too_many_pixels_are_refused_from_the_header(kind: str):
    payload = encoded(Image.new("RGB", (128, 128)), kind)
    at = payload.index(b"ispe") + 8
    for side in (8_000, 60_000):
        with pytest.raises(InvalidRequest, match="expected"):
            open_picture(payload[:at] + struct.pack(">II", side, side) + payload[at + 8 :], max_pixels=LIMIT)


def test_heic_that_is_larger_than_it_says_is_refused():
    payload = encoded(Image.new("RGB", (1000, 1000), "red"), "HEIF")
    at = payload.index(b"ispe") + 8
    with pytest.raises(InvalidRequest, match="expected a PNG"):
        read_picture(payload[:at] + struct.pack(">II", 64, 64) + payload[at + 8 :], max_pixels=LIMIT)


def test_heic_is_told_from_avif_by_its_brands():
    assert is_heic(encoded(drawing(), "HEIF"))
    assert not is_heic(encoded(drawing(), "AVIF"))
    assert not is_heic(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif")
    assert is_heic(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")
    assert not is_heic(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42")
    assert not is_heic(b"\xff\xff\xff\xffftyp")


def test_whoever_sends_no_heic_never_waits_for_its_library():
    code = (
        "import sys; from app.families.imaging import png, read_picture; import numpy as np;"
        "read_picture(png(np.zeros((9, 9), np.uint8)), max_pixels=99); print('pillow_heif' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


@pytest.mark.parametrize(
    ("size", "kept"),
    [((8192, 6144), (1024, 768)), ((12_000, 9_000), (1500, 1125)), ((16_320, 12_240), (2040, 1530))],
)
def test_the_default_limit_lets_the_pictures_of_todays_phones_in(size: tuple[int, int], kept: tuple[int, int]):
    flat = encoded(Image.new("L", (64, 48), "white"), "JPEG")
    at = flat.index(b"\xff\xc0") + 5
    claimed = flat[:at] + struct.pack(">HH", size[1], size[0]) + flat[at + 4 :]
    assert open_picture(claimed, max_pixels=Settings().max_pixels, min_decode_size=768).size == kept


def test_a_phones_heic_is_within_the_default_limit():
    assert Settings().max_pixels >= 8192 * 6144


@pytest.mark.parametrize("how", [{"progressive": True}, {}])
def test_a_jpeg_that_is_kept_whole_while_it_is_read_has_the_limit_of_any_picture(how: dict[str, bool]):
    payload = encoded(Image.new("RGB", (400, 300), "white"), "JPEG", **how)
    if not how:  # the first of several scans, of one component
        at = payload.index(b"\xff\xda") + 4
        payload = payload[:at] + b"\x01" + payload[at + 1 :]
    with pytest.raises(InvalidRequest, match="400 x 300 pixels: expected at most 60000"):
        open_picture(payload, max_pixels=60_000, min_decode_size=32)


def test_a_jpeg_in_one_scan_counts_by_what_it_is_reduced_to_up_to_four_times_the_limit():
    payload = encoded(Image.new("RGB", (400, 300), "white"), "JPEG")
    assert open_picture(payload, max_pixels=60_000, min_decode_size=32).size == (50, 38)
    with pytest.raises(InvalidRequest, match="at most 60000"):
        open_picture(payload, max_pixels=60_000, min_decode_size=300)
    with pytest.raises(InvalidRequest, match="at most 100000"):
        open_picture(payload, max_pixels=25_000, min_decode_size=32)
    assert is_one_scan(payload, 3)
    assert not is_one_scan(payload[:100], 3)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("blank", [CLEAR, WHITE])
@pytest.mark.parametrize("before", [1, 3])
def test_a_moving_picture_that_begins_with_nothing_is_seen_where_it_shows_something(
    kind: str, blank: tuple[int, ...], before: int
):
    shown = Image.new("RGBA", (40, 40), WHITE)
    shown.paste(INK, (10, 10, 30, 30))
    frames = [Image.new("RGBA", (40, 40), blank) for _ in range(before)]
    payload = encoded(frames[0], kind, save_all=True, append_images=[*frames[1:], shown], duration=50)
    colours = to_rgb(read_picture(payload, max_pixels=LIMIT)).astype(int)
    assert np.abs(colours[20, 20] - INK[:3]).max() < 30
    assert np.abs(colours[3, 3] - 255).max() < 30


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_moving_pictures_that_show_something_at_once_the_first_counts(kind: str):
    frames = []
    for ink in ((0, 0, 0), (200, 0, 0)):
        frame = Image.new("RGB", (40, 40), "white")
        frame.paste(ink, (10, 10, 30, 30))
        frames.append(frame)
    payload = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert to_rgb(read_picture(payload, max_pixels=LIMIT))[20, 20].max() < 20


def test_a_frame_that_reaches_beyond_its_picture_takes_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    blank = encoded(Image.new("L", (10, 10)), "GIF")
    for payload in (gif_claiming(60_000, 60_000), gif_claiming(60_000, 60_000, before=blank)):
        with pytest.raises(InvalidRequest, match="60000 x 60000"):
            read_picture(payload, max_pixels=LIMIT)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert list(gif_extents(gif_claiming(7, 9, before=blank))) == [(10, 10), (7, 9)]
    assert list(gif_extents(b"GIF89a")) == []


def test_a_picture_of_several_pictures_is_its_first():
    payload = encoded(drawing(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    grey = to_grey(read_picture(payload, max_pixels=LIMIT))
    assert np.abs(grey.astype(int) - draw_digit(3, 64, 6)).mean() < 3
