"""uvicorn as we need it: slow heads are cut off, and a signal first takes the service out of the balancer's sight."""

import asyncio
import signal
import sys
from http import HTTPStatus
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import FitserveError, Overloaded
from app.web.problems import written
from app.web.writing import WholeAnswers


def bounded(seconds: float, connections: int) -> type[WholeAnswers]:
    """A protocol that closes a connection whose next request has no complete head `seconds` after its first byte.

    uvicorn bounds only the pause between requests: a connection that sends a byte now and then would stay for ever.
    Beyond so many connections at once, the next is told so and closed: uvicorn's own bound refuses requests of those
    that are open, health among them.
    """
    full = _full(connections)

    class Bounded(WholeAnswers):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > connections:
                transport.write(full)
                transport.close()
            else:
                self._arm()

        def data_received(self, data: bytes) -> None:
            if self._timer is None and (self.cycle is None or self.cycle.response_complete):
                self._arm()
            super().data_received(data)

        def on_headers_complete(self) -> None:
            self._disarm()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._disarm()
            super().connection_lost(exc)

        def _arm(self) -> None:
            self._timer = self.loop.call_later(seconds, self.transport.close)

        def _disarm(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Bounded


def _full(connections: int) -> bytes:
    """What a connection too many hears."""
    status, headers, content = written(Overloaded(f"more than {connections} connections at once"))
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + content


class ClearStart:
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


class Server(uvicorn.Server):
    """At the first signal the application is no longer ready; `linger` seconds later nothing more is accepted."""

    def __init__(self, app: FastAPI, linger: float, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app
        self._linger = linger

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's handler of signals; a second one does not wait."""
        if self._linger and sig == signal.SIGTERM and not self._app.state.leaving:
            asyncio.get_running_loop().call_later(self._linger, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)
        self._app.state.leaving = True


def run(app: FastAPI, linger: float, **options: Any) -> None:
    """Serve until a signal says stop."""
    Server(app, linger, uvicorn.Config(app, **options)).run()
