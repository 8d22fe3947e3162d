"""No body is read beyond the limit: refused by its announced length, or cut off while it streams.

FastAPI's own `max_body_size` does the same, but answers in plain text where we promise problem details.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TooLarge
from app.web.problems import MEDIA_TYPE, problem_of


class BodyLimit:
    """ASGI middleware; `max_bytes` counts the body of one request."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it says that it is too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length")
        if length is None:
            await self._app(scope, self._counted(receive), send)
        elif int(length) > self._max_bytes:
            await self._refuse(send, int(length))
        else:
            await self._app(scope, receive, send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise TooLarge(f"the body is larger than the {self._max_bytes} bytes that are accepted")
            return message

        return counted

    async def _refuse(self, send: Send, length: int) -> None:
        problem = problem_of(TooLarge(f"the body has {length} bytes; at most {self._max_bytes} are accepted"))
        content = problem.model_dump_json(exclude_none=True).encode()
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),  # the rest of the body is not read
        ]
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})
