"""Compressed bodies of requests, decompressed as they arrive, so that every limit counts what comes out of them."""

import asyncio
import zlib

from starlette.types import Message, Receive, Scope, Send

from app.errors import Malformed, UnsupportedEncoding
from app.web.content_encodings import content_codings
from app.web.middleware.http import HttpMiddleware
from app.web.problems import ENCODINGS, send_problem

PIECE = 1 << 18  # bytes that come out at a time, at most
INLINE_BYTES = 1 << 14  # of one message: decompressing more would hold up all other requests
MOST_EXCESS = 1 << 16  # bytes that go in beyond what comes out: streams of nothing could go on for ever
ROUGHLY = 1.001  # what does not compress grows by less
GZIP, ZLIB, RAW = 31, 15, -15  # zlib's window bits, by which it tells the formats apart


class Decompression(HttpMiddleware):
    """Middleware. What is behind it sees a body without an encoding, and of no announced length."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what has no encoding; refuse one that is not known."""
        encodings = content_codings(value for name, value in scope["headers"] if name == b"content-encoding")
        if not encodings:
            await self._app(scope, receive, send)
        elif len(encodings) > 1 or encodings[0] not in ENCODINGS:
            names = ", ".join(encodings)[:100]
            await send_problem(
                send,
                UnsupportedEncoding(f"the Content-Encoding {names!r} is not supported; use {' or '.join(ENCODINGS)}"),
            )
        else:
            body = _Body(receive, encodings[0])
            headers = [field for field in scope["headers"] if field[0] not in (b"content-encoding", b"content-length")]
            await self._app({**scope, "headers": headers}, body.receive, send)


class _Body:
    """The messages of one request, their bodies decompressed, into several each where much comes out."""

    def __init__(self, receive: Receive, encoding: str) -> None:
        self._receive = receive
        self._stream = Stream(encoding)
        self._more = True

    async def receive(self) -> Message:
        """The next message; raises Malformed."""
        while True:
            if piece := await self._take():
                return {"type": "http.request", "body": piece, "more_body": True}
            if not self._more:
                self._stream.finish()
                return {"type": "http.request", "body": b"", "more_body": False}
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._more = message.get("more_body", False)
            self._stream.feed(message.get("body", b""))

    async def _take(self) -> bytes:
        if self._stream.is_small:
            return self._stream.take()
        return await asyncio.to_thread(self._stream.take)


class Stream:
    """What comes out of bytes in one of the encodings; several streams of gzip on end are one."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._decompressor: zlib._Decompress | None = None
        self._data = b""
        self._is_full = False  # the last piece had no room for what may be left in the decompressor
        self._excess = 0.0

    def feed(self, data: bytes) -> None:
        """Some more of it, once nothing comes out of what was there before."""
        self._data = data

    @property
    def is_small(self) -> bool:
        """Whether the next piece is soon made: of few bytes, and not when there is more where the last came from."""
        return len(self._data) <= INLINE_BYTES and not self._is_full

    def take(self) -> bytes:
        """The next piece that comes out, of bounded size; none when more has to go in. Raises Malformed."""
        pieces, room = [], PIECE
        while room and (self._data or self._is_full):
            piece = self._inflated(room)
            pieces.append(piece)
            room -= len(piece)
            self._is_full = not room
        return b"".join(pieces)

    def finish(self) -> None:
        """Raise Malformed unless it has ended."""
        if self._decompressor is not None and not self._decompressor.eof:
            raise Malformed(f"the {self._encoding} body is truncated")

    def _inflated(self, room: int) -> bytes:
        if self._decompressor is None or (self._data and self._decompressor.eof):
            self._decompressor = zlib.decompressobj(self._window())
        before = len(self._data)
        try:
            piece = self._decompressor.decompress(self._data, room)
        except zlib.error as fault:
            raise Malformed(f"the body is not {self._encoding}: {fault}") from None
        self._data = self._decompressor.unconsumed_tail or self._decompressor.unused_data
        self._excess = max(self._excess + before - len(self._data) - ROUGHLY * len(piece), 0)
        if self._excess > MOST_EXCESS:
            raise Malformed(f"the {self._encoding} body is larger than its content")
        return piece

    def _window(self) -> int:
        """zlib's window bits for the stream that begins: some clients send `deflate` without zlib's head."""
        if self._encoding == "gzip":
            return GZIP
        if self._decompressor is not None:
            raise Malformed(f"{len(self._data)} bytes follow the end of the {self._encoding} body")
        return ZLIB if self._data[0] & 0x0F == zlib.DEFLATED and self._data[0] >> 4 <= 7 else RAW
