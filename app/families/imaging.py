"""An uploaded picture becomes an array: bytes of any usual format in, grey or RGB numbers out."""

import io
import warnings
from functools import cache
from itertools import islice, repeat
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, ExifTags, Image

from app.errors import InvalidRequest
from app.families.image_headers import gif_extents, is_one_scan

Bytes = NDArray[np.uint8]

warnings.filterwarnings("ignore", module=r"PIL\.")  # what is odd about a file but can be read is nobody's concern
cv2.setNumThreads(1)  # pictures are worked on side by side, so none is split among threads
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
Image.MAX_IMAGE_PIXELS = None  # the limit is `max_pixels`, checked before anything is decoded

# Formats people send whose decoders are well worn; Pillow's others (EPS, PSD, FITS ...) only widen the attack surface.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
HEIC = ("HEIF",)
HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
AVIF_BRANDS = frozenset((b"avif", b"avis"))
BRANDS = 32  # of a file are looked at
EXPECTED = "expected a PNG, JPEG, HEIC, AVIF, WebP, GIF, BMP, TIFF or PPM picture"

# A JPEG decoder can halve while it decodes; a shorter side of this many pixels shows ink as well as any more.
MIN_DECODE_SIZE = 1024
# A JPEG that is read in one pass may have this many times `max_pixels`: only what it is reduced to is kept in memory.
REDUCED = 4

# Where the first picture of one that moves is of one colour or see-through, so many are looked at, of so many pixels.
ANIMATED = frozenset(("GIF", "PNG", "WEBP", "AVIF"))
FRAMES, FRAME_PIXELS = 20, 50_000_000

# Where Pillow may have found an orientation; asking for EXIF without one of these costs time and finds nothing.
ORIENTATION_SOURCES = frozenset(("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"))
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What turns signed bytes of a and b into those offset by 128.
LAB_OFFSET = np.array([0, 128, 128], np.uint8)

# Modes whose numbers do not stop at 255, with the tops that are used in practice; beyond these the own peak is white.
DEEP_MODES = frozenset(("I", "F", "I;16", "I;16B", "I;16L", "I;16N"))
DEEP_TOPS = (255, 65535)

# More than half covered, and in tones this far apart (standard deviation): a card with a digit on it, not loose ink.
CARD_COVERAGE = 0.5
CARD_SPREAD = 40.0

# A colour channel must show this many times the contrast of the luminance to be taken instead: yellow on white does.
CHANNEL_GAIN = 2.5
# Contrast is compared on thumbnails of this side, so that a few odd pixels do not decide.
THUMBNAIL = 64


def read_picture(payload: bytes, *, max_pixels: int, min_decode_size: int = MIN_DECODE_SIZE) -> Image.Image:
    """The picture in `payload`, upright and fully decoded; InvalidRequest says what was expected instead.

    Of a JPEG perhaps halved to no less than `min_decode_size` pixels; of one that moves the first frame that shows
    something.
    """
    return decoded(open_picture(payload, max_pixels=max_pixels, min_decode_size=min_decode_size))


def is_heic(payload: bytes) -> bool:
    """Whether a file is HEIC or another HEIF picture; AVIF, which is in the same container, is not."""
    if payload[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(payload[:4], "big"), 8 + 4 * BRANDS)
    brands = {payload[at : at + 4] for at in range(8, end, 4)}
    return not brands & AVIF_BRANDS and bool(brands & HEIC_BRANDS)


def open_picture(payload: bytes, *, max_pixels: int, min_decode_size: int = MIN_DECODE_SIZE) -> Image.Image:
    """The picture with its header read and its size checked, and nothing decoded; raises InvalidRequest."""
    if not payload:
        raise InvalidRequest(f"the picture is empty: {EXPECTED}, got 0 bytes")
    for extent in islice(gif_extents(payload) if payload.startswith(b"GIF8") else (), 1):
        _check_size(extent, max_pixels)
    picture = _opened(payload)
    most = max_pixels
    if picture.format in ("JPEG", "MPO"):
        if not picture.info.get("progressive") and is_one_scan(payload, len(picture.getbands())):
            most *= REDUCED
        _check_size(picture.size, most)
        picture.draft(None, (min_decode_size, min_decode_size))
    _check_size(picture.size, max_pixels)
    return picture


def decoded(picture: Image.Image) -> Image.Image:
    """An opened picture, upright and decoded; raises InvalidRequest."""
    try:
        picture.load()
        _show_something(picture)
    except InvalidRequest:
        raise
    except Exception as error:  # hostile bytes make decoders raise anything, from struct.error to MemoryError
        raise InvalidRequest(f"the picture is damaged or truncated: {EXPECTED} that is complete") from error
    return _upright(picture)


def to_grey(picture: Image.Image) -> Bytes:
    """Luminance of a picture in any mode, (h, w) uint8; see-through parts are backed so that the ink stands out."""
    if picture.mode == "L" and "transparency" not in picture.info:
        return np.asarray(picture)
    if picture.mode in DEEP_MODES:
        return _eight_bits(np.asarray(picture))
    if picture.has_transparency_data:
        return _backed_grey(_rgba(picture))
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))
    return _max_contrast_channel(_opaque_rgb(picture))


def to_rgb(picture: Image.Image) -> Bytes:
    """Colours of a picture in any mode, (h, w, 3) uint8; see-through parts are backed with white."""
    if picture.mode in DEEP_MODES:
        return np.repeat(_eight_bits(np.asarray(picture))[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        pixels = _rgba(picture)
        return _over(pixels[..., :3], pixels[..., 3:], 255)
    return _opaque_rgb(picture)


def png(array: Bytes) -> bytes:
    """A PNG file of grey (h, w) or RGB (h, w, 3) uint8 pixels."""
    target = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)).save(target, "PNG")
    return target.getvalue()


def _opened(payload: bytes) -> Image.Image:
    """The picture with its header read and nothing decoded."""
    try:
        if is_heic(payload):
            _register_heic()
            return Image.open(io.BytesIO(payload), formats=HEIC)
        return Image.open(io.BytesIO(payload), formats=FORMATS)
    except Exception as error:  # see read_picture
        raise InvalidRequest(f"not a picture that can be read: {EXPECTED}") from error


@cache
def _register_heic() -> None:
    """Let Pillow read HEIC: the picture itself, and none of the thumbnails and depth maps beside it."""
    from pillow_heif import register_heif_opener  # noqa: PLC0415  takes a third of a second, and few need it

    register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def _show_something(picture: Any) -> None:  # what moves has more than Pillow's Image
    """Go on to the first frame that is not of one colour or see-through, where there is one soon."""
    if picture.format not in ANIMATED or not getattr(picture, "is_animated", False):
        return
    extents = gif_extents(picture.fp.getbuffer()) if picture.format == "GIF" else repeat(picture.size, picture.n_frames)
    for frame, (width, height) in enumerate(
        islice(extents, min(FRAMES, FRAME_PIXELS // (picture.width * picture.height)))
    ):
        if width > picture.width or height > picture.height:
            raise InvalidRequest(f"frame {frame + 1} is {width} x {height}, larger than the picture: {EXPECTED}")
        picture.seek(frame)
        picture.load()
        if not _is_blank(picture):
            return
    picture.seek(0)
    picture.load()


def _is_blank(picture: Image.Image) -> bool:
    """Whether a decoded picture is of one colour or wholly see-through."""
    bands: Any = picture.convert("RGBA").getextrema()
    return bands[3][1] == 0 or all(low == high for low, high in bands)


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Refuse a picture without pixels or with more than `max_pixels`."""
    width, height = size
    if width < 1 or height < 1:
        raise InvalidRequest(f"the picture has no pixels ({width} x {height}): {EXPECTED} of at least 1 x 1")
    if width * height > max_pixels:
        raise InvalidRequest(f"the picture has {width} x {height} pixels: expected at most {max_pixels} in all")


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF or XMP data says; unreadable data says nothing."""
    if ORIENTATION_SOURCES.isdisjoint(picture.info):
        return picture
    try:
        turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the pixels are good, so damaged metadata is no reason to refuse them
        return picture
    return picture if turn is None else picture.transpose(turn)


def _opaque_rgb(picture: Image.Image) -> Bytes:
    """The colours of an opaque picture of 8-bit mode, (h, w, 3) uint8."""
    if picture.mode == "LAB":
        # Pillow converts it only with colour profiles, and hands out a and b signed where OpenCV has them offset.
        return np.asarray(cv2.cvtColor(np.asarray(picture) ^ LAB_OFFSET, cv2.COLOR_LAB2RGB), np.uint8)
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _rgba(picture: Image.Image) -> Bytes:
    """A picture with see-through parts as (h, w, 4) uint8, not premultiplied."""
    if picture.mode == "La":
        picture = picture.convert("LA")
    return np.asarray(picture.convert("RGBA"))


def _eight_bits(values: NDArray[Any]) -> Bytes:
    """Numbers of any depth as uint8: 0..1 floats, 0..255, 0..65535, else 0 to their own peak."""
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(numbers.max())
    tops = ((1,) if values.dtype.kind == "f" else ()) + DEEP_TOPS
    top = next((top for top in tops if peak <= top), peak)
    return np.asarray(np.clip(numbers * (255.0 / top) + 0.5, 0, 255), np.uint8)


def _over(pixels: Bytes, alpha: Bytes, backing: int) -> Bytes:
    """`pixels` laid over one tone as `alpha` (same shape or broadcast) says."""
    weight = alpha.astype(np.float32) / 255
    return (pixels * weight + backing * (1 - weight) + 0.5).astype(np.uint8)


def _backed_grey(pixels: Bytes) -> Bytes:
    """(h, w, 4) colours and alpha as (h, w) grey, on a backing chosen by `_backing`."""
    alpha = pixels[..., 3]
    if alpha.min() == 255:
        return _max_contrast_channel(pixels[..., :3])
    grey = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    return _over(grey, alpha, _backing(grey, alpha))


def _backing(grey: Bytes, alpha: Bytes) -> int:
    """The tone to put behind see-through ink: the opposite of the ink's own, or for a card its commonest tone."""
    weight = alpha.astype(np.float32)
    total = float(weight.sum())
    if total == 0:
        return 255
    mean = float((grey * weight).sum()) / total
    spread = float(((grey - mean) ** 2 * weight).sum() / total) ** 0.5
    if total > CARD_COVERAGE * 255 * weight.size and spread > CARD_SPREAD:
        return int(np.median(grey[alpha > 127]))
    return 255 if mean < 128 else 0


def _max_contrast_channel(rgb: Bytes) -> Bytes:
    """(h, w) luminance, or the colour channel that shows far more: red on an equally bright green has no luminance."""
    rgb = np.ascontiguousarray(rgb)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    height, width = grey.shape
    size = (min(width, THUMBNAIL), min(height, THUMBNAIL))
    colours = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    tones = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    spreads = np.ptp(colours.reshape(-1, 3), axis=0)
    best = int(spreads.argmax())
    if spreads[best] > CHANNEL_GAIN * max(1, int(np.ptp(tones))):
        return np.ascontiguousarray(rgb[..., best])
    return grey
