"""An answer leaves whole: what is written to a connection in one turn of the loop goes in one call of the system."""

import asyncio
from collections.abc import Callable
from typing import Any

from app.web.server.disconnection import Departing

HELD_BYTES = 1 << 16  # more is written at once, so that flow control sees it


class WholeTransport:
    """A transport that gathers what is written until the loop's next turn, `close` included.

    Where `lingers` says so, `close` ends the answers only, and what still arrives is received until it is closed again:
    closing at once would have the system reset the connection, and the client might lose the answer.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, lingers: Callable[[], bool] = lambda: False
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._lingers = lingers
        self._held: list[bytes] = []
        self._ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold it, or send all that is held where that is much."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        if sum(map(len, self._held)) >= HELD_BYTES:
            self._send()

    def is_closing(self) -> bool:
        """Whether nothing more may be written."""
        return self._ended or self._transport.is_closing()

    def close(self) -> None:
        """Send what is held, then close, or only end the answers."""
        self._send()
        if not self.is_closing() and self._lingers():
            self._transport.write_eof()
            self._ended = True
        else:
            self._transport.close()

    def _send(self) -> None:
        held, self._held = self._held, []
        if held and not self.is_closing():
            self._transport.writelines(held)


class WholeAnswers(Departing):
    """uvicorn's protocol, which by itself sends an answer's head, and then its body.

    A process that is killed between the two has begun an answer, and no proxy can ask another process for it.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """uvicorn calls this with each new connection."""
        super().connection_made(WholeTransport(transport, self.loop, self.lingers))  # type: ignore[arg-type]

    def lingers(self) -> bool:
        """Whether a connection that is to be closed receives for a while what still arrives."""
        return False
