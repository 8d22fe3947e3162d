"""When a connection is read: not while something that was read before waits to be parsed or answered."""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl


class GatedFlowControl(FlowControl):
    """uvicorn's flow control, whose requests go on reading whenever they look for a body or for a leaving client."""

    def __init__(self, transport: asyncio.Transport, is_blocked: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_blocked = is_blocked
        self.is_wanted = False  # somebody wanted to go on while something waited

    def pause_reading(self) -> None:
        """Read nothing more for now."""
        self.is_wanted = False
        super().pause_reading()

    def resume_reading(self) -> None:
        """Go on, if nothing waits."""
        self.is_wanted = self._is_blocked()
        if not self.is_wanted:
            super().resume_reading()
