"""What the blocks of a JPEG or a GIF say that has to be known before its decoder sees it."""

from collections.abc import Iterator

START_OF_SCAN = 0xDA
GIF_EXTENSION, GIF_FRAME = 0x21, 0x2C


def is_one_scan(payload: bytes, components: int) -> bool:
    """Whether the first scan of a JPEG has all its components, and may be the only one: others are kept whole in
    memory, however much the decoder reduces them. A progressive file's first scan looks the same.
    """
    at = 2
    while at + 5 <= len(payload) and payload[at] == 0xFF:
        marker = payload[at + 1]
        if marker == START_OF_SCAN:
            return payload[at + 4] == components
        at += 1 if marker == 0xFF else 2 + int.from_bytes(payload[at + 2 : at + 4], "big")
    return False


def gif_extents(payload: bytes) -> Iterator[tuple[int, int]]:
    """How far each frame of a GIF reaches, as width and height, one by one, as long as the file makes sense.

    A frame may reach beyond the size that the header gives, and Pillow makes room for it when it goes to the frame.
    """
    at = 13 + _colours(payload, 10)
    while at + 10 <= len(payload):
        block = payload[at]
        if block == GIF_FRAME:
            left, top, width, height = (int.from_bytes(payload[at + i : at + i + 2], "little") for i in (1, 3, 5, 7))
            yield left + width, top + height
            at += 11 + _colours(payload, at + 9)
        elif block == GIF_EXTENSION:
            at += 2
        else:
            return
        while at < len(payload) and payload[at]:
            at += 1 + payload[at]
        at += 1


def _colours(payload: bytes, flags: int) -> int:
    """The bytes of the colour table that the flags at a place announce."""
    return 3 << (payload[flags] % 8 + 1) if flags < len(payload) and payload[flags] & 0x80 else 0
