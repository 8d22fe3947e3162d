"""Slots for work that takes a lot: few at once, some more wait, and whoever comes then is told to come again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import Overloaded

AGAIN_SECONDS = 2.0


class Slots:
    """`at_once` have a slot, `waiting` wait for one. Everything here runs on the event loop."""

    def __init__(self, at_once: int, waiting: int, what: str) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._room = waiting
        self._what = what

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Have a slot within it; raises Overloaded where too many wait for one."""
        if self._free.locked() and not self._room:
            raise Overloaded(f"too many concurrent requests for {self._what}; try again later", AGAIN_SECONDS)
        self._room -= 1
        try:
            await self._free.acquire()
        finally:
            self._room += 1
        try:
            yield
        finally:
            self._free.release()
