"""Base64 to bytes, without holding the event loop for as long as a large picture takes."""

import asyncio
import binascii

PIECE = 1 << 18  # characters decoded at a time, a multiple of four; takes less than a millisecond


async def decode_base64(text: str | bytearray, start: int = 0) -> bytes:
    """The bytes that a text stands for, from so many characters on; raises ValueError where it is not base64."""
    padding = text.find("=" if isinstance(text, str) else b"=", start)  # type: ignore[arg-type]  # each its own kind
    if 0 <= padding < len(text) - 2:
        raise ValueError("padding is at the end only")
    pieces = []
    for position in range(start, len(text), PIECE):
        pieces.append(binascii.a2b_base64(text[position : position + PIECE], strict_mode=True))
        await asyncio.sleep(0)
    return b"".join(pieces)
