"""Answers are compressed where the client asks for it: whole answers of JSON that are worth it, never a stream."""

import asyncio
import re
import zlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from app.web.content_encodings import preferred
from app.web.middleware.http import HttpMiddleware

LEAST_BYTES = 1 << 10
INLINE_BYTES = 1 << 14  # compressed sooner than a thread takes over, nearly; more would hold up all other requests
JSON = re.compile(r"application/([\w.-]+\+)?json")
LEVEL = 5
WINDOWS = {"gzip": 31, "deflate": 15}  # zlib's window bits, by which it tells the formats apart


class Compression(HttpMiddleware):
    """Middleware."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the head of an answer back until its body says whether it is whole."""
        if scope["method"] == "HEAD":
            await self._app(scope, receive, send)
            return
        encoding = preferred(",".join(Headers(scope=scope).getlist("accept-encoding")))
        start: Message | None = None

        async def compressing(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_plain_json(message):
                start = message
                return
            if start is not None:
                if not message.get("more_body") and len(message.get("body", b"")) >= LEAST_BYTES:
                    message = await _compressed(start, message, encoding)
                await send(start)
                start = None
            await send(message)

        await self._app(scope, receive, compressing)


def _is_plain_json(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    return bool(JSON.fullmatch(media)) and "content-encoding" not in headers and start["status"] not in (206, 304)


async def _compressed(start: Message, message: Message, encoding: str | None) -> Message:
    """The body, compressed; the head is changed to say so."""
    headers = MutableHeaders(raw=[*start["headers"]])
    headers.add_vary_header("Accept-Encoding")
    if encoding:
        body = message["body"]
        if len(body) <= INLINE_BYTES:
            body = _deflated(body, encoding)
        else:
            body = await asyncio.to_thread(_deflated, body, encoding)
        headers["Content-Encoding"] = encoding
        headers["Content-Length"] = str(len(body))
        message = {**message, "body": body}
    start["headers"] = headers.raw
    return message


def _deflated(body: bytes, encoding: str) -> bytes:
    return zlib.compress(body, LEVEL, WINDOWS[encoding])
