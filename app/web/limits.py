"""No body is read beyond the limit: refused by its announced length, or cut off while it streams.

FastAPI's own `max_body_size` does the same, but answers in plain text where we promise problem details.
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TooLarge
from app.web.problems import send_problem


class BodyLimit:
    """ASGI middleware; `max_bytes` counts the body of one request, `forms` has other limits for forms by their path."""

    def __init__(self, app: ASGIApp, max_bytes: int, forms: Mapping[str, int]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it says that it is too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        length = headers.get(b"content-length")
        most = self._most(scope["path"], headers)
        if length is None:
            await self._app(scope, self._counted(receive, most), send)
        elif int(length) > most:
            await send_problem(send, TooLarge(f"the body has {int(length)} bytes; at most {most} are accepted"))
        else:
            await self._app(scope, receive, send)

    def _most(self, path: str, headers: Mapping[bytes, bytes]) -> int:
        form = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
        return self._forms.get(path, self._max_bytes) if form else self._max_bytes

    def _counted(self, receive: Receive, most: int) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise TooLarge(f"the body is larger than the {most} bytes that are accepted")
            return message

        return counted
