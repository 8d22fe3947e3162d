"""Read JSON from a request, within limits of bytes, elements and depth that are enforced while it arrives."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import Request

from app.errors import InvalidRequest, TooLarge
from app.web.requests.json_body.parser_process import ParserProcess
from app.web.requests.json_body.parsing import parse

SMALL_BYTES = 1 << 16  # parsed on the event loop, in about a millisecond
FEW_ELEMENTS = 1_000  # more than any request has that holds neither lists of choices nor tokens nor tensors
MANY_ELEMENTS = 20_000
MAX_DEPTH = 32
PIECE_BYTES = 1 << 16  # scanned at a time; takes less than a millisecond

_STRUCTURE = bytes(set(range(256)) - set(b",[]{}"))  # what is left out to keep those five
_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = np.zeros(256, np.int32)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


@dataclass(frozen=True)
class JsonLimits:
    """What the JSON of a request may have; `arrays` says that its lists of numbers are tensors."""

    max_bytes: int
    max_elements: int = FEW_ELEMENTS
    arrays: bool = False


class JsonScan:
    """Counts elements and depth over the pieces of one text; what is within strings does not count.

    Elements are the items of lists and the members of objects, those containers themselves included.
    """

    def __init__(self, max_elements: int) -> None:
        self._max_elements = max_elements
        self._elements = self._depth = 0
        self._within_string = False
        self._held = b""  # a backslash whose character comes with the next piece

    def feed(self, piece: bytes) -> None:
        """Count what comes next, in time proportional to its length; raises TooLarge."""
        structure = self._outside_strings(piece).translate(None, _STRUCTURE)
        opened = structure.count(b"[") + structure.count(b"{")
        self._elements += opened + structure.count(b",")
        if self._elements > self._max_elements:
            raise TooLarge(f"the JSON has more than the {self._max_elements} elements that are accepted here")
        if self._depth + opened > MAX_DEPTH:
            steps = _STEPS[np.frombuffer(structure.translate(None, _BRACKETS), np.uint8)]
            depths = self._depth + steps.cumsum()
            if depths.max() > MAX_DEPTH:
                raise TooLarge(f"the JSON is nested more than {MAX_DEPTH} deep")
            self._depth = int(depths[-1])
        else:
            self._depth += opened - structure.count(b"]") - structure.count(b"}")

    def _outside_strings(self, piece: bytes) -> bytes:
        """The bytes of a piece that are not within strings."""
        if self._held or b"\\" in piece:
            piece = self._without_escapes(self._held + piece)
        if b'"' not in piece:
            return b"" if self._within_string else piece
        parts = piece.split(b'"')
        outside = b"".join(parts[self._within_string :: 2])
        self._within_string ^= len(parts) % 2 == 0
        return outside

    def _without_escapes(self, piece: bytes) -> bytes:
        """A piece without escaped backslashes and quotes, so that every quote that is left begins or ends a string."""
        run = len(piece) - len(piece.rstrip(b"\\"))
        self._held = b"\\" * (run % 2)
        whole = piece[: len(piece) - len(self._held)]
        return whole.replace(b"\\\\", b"").replace(b'\\"', b"")


async def read_json(request: Request, limits: JsonLimits) -> Any:
    """The value in the body; raises InvalidRequest or TooLarge."""
    return await parse_chunks(request, await receive_json(request, limits), limits)


async def receive_json(request: Request, limits: JsonLimits) -> list[bytes]:
    """The chunks of the body, looked through as they come; raises TooLarge for the first that is too much."""
    announced = request.headers.get("content-length", "0")
    _check_size(int(announced), limits)
    scan, chunks, size = JsonScan(limits.max_elements), [], 0
    async for chunk in request.stream():
        size += len(chunk)
        _check_size(size, limits)
        await _scan(scan, chunk)
        chunks.append(chunk)
    return chunks if size else []


async def parse_chunks(request: Request, chunks: list[bytes], limits: JsonLimits) -> Any:
    """The value of a text that was received; a long one is parsed in another process. Raises InvalidRequest."""
    if sum(map(len, chunks)) <= SMALL_BYTES:
        return parse(b"".join(chunks), arrays=limits.arrays)
    parser: ParserProcess = request.app.state.json_parser
    return await parser.parse(chunks, arrays=limits.arrays)


async def read_object(request: Request, limits: JsonLimits) -> dict[str, Any]:
    """The object in the body; raises InvalidRequest or TooLarge."""
    return _object(await read_json(request, limits))


async def text_object(request: Request, text: bytes, limits: JsonLimits) -> dict[str, Any]:
    """The object in a text that is a part of the body; raises InvalidRequest or TooLarge."""
    _check_size(len(text), limits)
    await _scan(JsonScan(limits.max_elements), text)
    return _object(await parse_chunks(request, [text], limits))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    return value


async def _scan(scan: JsonScan, chunk: bytes) -> None:
    async for piece in pieces(chunk):
        scan.feed(piece)


async def pieces(chunk: bytes) -> AsyncIterator[bytes]:
    """A chunk in pieces, between which others have their turn on the event loop."""
    if len(chunk) <= PIECE_BYTES:
        yield chunk
        return
    for start in range(0, len(chunk), PIECE_BYTES):
        yield chunk[start : start + PIECE_BYTES]
        await asyncio.sleep(0)


def _check_size(size: int, limits: JsonLimits) -> None:
    if size > limits.max_bytes:
        raise TooLarge(f"the JSON has {size} bytes or more; at most {limits.max_bytes} are accepted here")
