"""HEAD on whatever has GET."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOLD = ("route", "path_params", "key")  # what those around look for in the scope


class HeadAnswered(Exception):
    """The head was sent, and nobody wants the rest."""


class HeadRequests:
    """ASGI middleware: HEAD is answered as GET would be, but for the body, which is not made where it is a stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask for the same by GET, and end it when its head is there."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
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
            scope.update({name: asked[name] for name in TOLD if name in asked})
