"""An answer leaves whole: what is written to a connection in one turn of the loop goes in one call of the system."""

import asyncio
from collections.abc import Callable
from typing import Any

from app.web.server.disconnection import DisconnectNotifier

HELD_BYTES = 1 << 16  # more is written at once, so that flow control sees it


class CoalescingTransport:
    """A transport that gathers what is written until the loop's next turn, `close` included.

    Where `keeps_receiving` says so, `close` ends the answers only, and what still arrives is received until it is
    closed again: closing at once would have the system reset the connection, and the client might lose the answer.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        keeps_receiving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._keeps_receiving = keeps_receiving
        self._pending: list[bytes] = []
        self._ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold it, or send all that is held where that is much."""
        if not self._pending:
            self._loop.call_soon(self._send)
        self._pending.append(data)
        if sum(map(len, self._pending)) >= HELD_BYTES:
            self._send()

    def is_closing(self) -> bool:
        """Whether nothing more may be written."""
        return self._ended or self._transport.is_closing()

    def close(self) -> None:
        """Send what is held, then close, or only end the answers."""
        self._send()
        if not self.is_closing() and self._keeps_receiving():
            self._transport.write_eof()
            self._ended = True
        else:
            self._transport.close()

    def _send(self) -> None:
        pending, self._pending = self._pending, []
        if pending and not self.is_closing():
            self._transport.writelines(pending)


class CoalescingProtocol(DisconnectNotifier):
    """uvicorn's protocol, which by itself sends an answer's head, and then its body.

    A process that is killed between the two has begun an answer, and no proxy can ask another process for it.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """uvicorn calls this with each new connection."""
        super().connection_made(CoalescingTransport(transport, self.loop, self.keeps_receiving))  # type: ignore[arg-type]

    def keeps_receiving(self) -> bool:
        """Whether a connection that is to be closed receives for a while what still arrives."""
        return False
