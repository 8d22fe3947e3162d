"""The feed: the events of a job as they happen, for any number of watchers, at no cost to its trainer."""

import asyncio
from collections.abc import AsyncIterator

from app.jobs.job import Event
from app.jobs.journal import Journal


class Feed:
    """Follows jobs in the journal. However many watch, one asks whether anything is new, and only while they wait."""

    def __init__(self, journal: Journal, seconds: float) -> None:
        self._journal = journal
        self._seconds = seconds
        self._newest = 0
        self._look: asyncio.Task[None] | None = None

    async def follow(self, job: str, after: int = 0) -> AsyncIterator[Event]:
        """Every event of a job with an id above `after`, each once, in order, to its last one; raises NotFound."""
        while True:
            seen = self._newest
            ended = (await asyncio.to_thread(self._journal.get, job)).status.terminal  # with its last event
            events = await asyncio.to_thread(self._journal.events, job, after)
            for event in events:
                yield event
                after = event.id
            if ended and not events:
                return
            if not events:
                await self._changed(seen)

    async def _changed(self, seen: int) -> None:
        """Wait until the journal has events that were not there when `seen` was its newest."""
        while self._newest == seen:
            if self._look is None or self._look.done():
                self._look = asyncio.create_task(self._wait_and_look())
            await asyncio.shield(self._look)

    async def _wait_and_look(self) -> None:
        await asyncio.sleep(self._seconds)
        self._newest = await asyncio.to_thread(self._journal.newest_event)
