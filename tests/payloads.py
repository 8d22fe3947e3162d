"""Files that nobody should send."""

import struct
import zlib


def png_claiming(width: int, height: int) -> bytes:
    """A PNG file that claims a size and holds nearly nothing."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def gif_claiming(width: int, height: int, before: bytes = b"") -> bytes:
    """A GIF whose last frame claims a size beyond its screen's 10 x 10; `before` is a GIF of the frames before."""
    start = before.removesuffix(b";") or b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    cleared = b"\x21\xf9\x04\x08\0\0\0\0"
    return start + cleared + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0;"
