"""Bytes gone wrong, as a seed says: pictures of every format, and forms around them."""

import io
import random
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from app.families.imaging import FORMATS
from tests.drawing import draw_digit

BOUNDARY = b"fitserve"
FORM = f"multipart/form-data; boundary={BOUNDARY.decode()}"
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
PNG = b"\x89PNG\r\n\x1a\n"


def pictures() -> list[bytes]:
    """A small digit in every format, and in the modes that those have."""
    grey = Image.fromarray(draw_digit(7, 60))
    found = []
    for form in FORMATS:
        for mode in ("L", "RGB", "RGBA", "P", "1", "CMYK", "I;16"):
            target = io.BytesIO()
            try:
                grey.convert(mode).save(target, form)
            except (OSError, KeyError, ValueError):  # not every format has every mode
                continue
            found.append(target.getvalue())
    return found


def form(field: bytes, *contents: bytes) -> bytes:
    """A form with files."""
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="a"\r\n\r\n%s\r\n' % (BOUNDARY, field, content)
        for content in contents
    ]
    return b"".join(parts) + b"--%s--\r\n" % BOUNDARY


def mutated(dice: random.Random, content: bytes) -> bytes:
    """The same with one to eight faults; a PNG has right checksums half of the time, so that more of it is read."""
    body = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        dice.choice((_flip, _number, _cut, _repeat, _insert))(dice, body)
    if body.startswith(PNG) and dice.random() < 0.5:
        return PNG + b"".join(_chunks(bytes(body[len(PNG) :])))
    return bytes(body)


def _place(dice: random.Random, body: bytearray) -> int:
    """Heads are where most is decided."""
    return dice.randrange(min(len(body), 64) if dice.random() < 0.5 else len(body)) if body else 0


def _flip(dice: random.Random, body: bytearray) -> None:
    if body:
        body[_place(dice, body)] ^= 1 << dice.randrange(8)


def _number(dice: random.Random, body: bytearray) -> None:
    at, order = _place(dice, body), dice.choice("<>")
    number = struct.pack(f"{order}I", dice.choice(NUMBERS))
    body[at : at + 4] = number


def _cut(dice: random.Random, body: bytearray) -> None:
    at = _place(dice, body)
    del body[at : at + dice.choice((1, 2, 16, len(body)))]


def _repeat(dice: random.Random, body: bytearray) -> None:
    at = _place(dice, body)
    body[at:at] = body[at : at + dice.randrange(1, 64)] * dice.randrange(1, 20)


def _insert(dice: random.Random, body: bytearray) -> None:
    at = _place(dice, body)
    body[at:at] = dice.randbytes(dice.randrange(1, 32))


def _chunks(rest: bytes) -> Iterator[bytes]:
    """The chunks of a PNG with their checksums set right, as far as there are any."""
    while len(rest) >= 12:
        (length,) = struct.unpack_from(">I", rest)
        kind, data = rest[4:8], rest[8 : 8 + length]
        yield rest[:8] + data + struct.pack(">I", zlib.crc32(kind + data))
        rest = rest[12 + length :]
