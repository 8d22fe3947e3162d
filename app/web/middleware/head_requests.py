"""HEAD on whatever has GET."""

from starlette.types import Message, Receive, Scope, Send

from app.web.middleware.http import HttpMiddleware

SHARED_SCOPE_KEYS = ("route", "path_params", "key")  # what those around look for in the scope


class HeadAnswered(Exception):
    """The head was sent, and nobody wants the rest."""


class HeadRequests(HttpMiddleware):
    """Middleware: HEAD is answered as GET would be, but for the body, which is not made where it is a stream."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask for the same by GET, and end it when its head is there."""
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        answered = False

        async def send_head(message: Message) -> None:
            nonlocal answered
            if answered:
                return
            await send(message)
            answered = True
            await send({"type": "http.response.body", "body": b""})
            raise HeadAnswered

        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send_head)
        except Exception:  # perhaps in a group, where a stream ran beside others
            if not answered:
                raise
        finally:
            scope.update({name: asked[name] for name in SHARED_SCOPE_KEYS if name in asked})
