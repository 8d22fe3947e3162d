"""A start that fails for a reason of ours is told in a sentence."""

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import FitserveError


class StartupErrors:
    """ASGI middleware: a start that fails for a reason of ours is told in a sentence, not as a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch what the application tells its server."""

        async def clear(message: Message) -> None:
            fault = sys.exception()
            if message["type"] == "lifespan.startup.failed" and isinstance(fault, FitserveError):
                message = {**message, "message": f"Fitserve cannot start: {fault}"}
            await send(message)

        await self._app(scope, receive, clear if scope["type"] == "lifespan" else send)
