"""The feed: the events of a job as they happen, for any number of watchers, at no cost to its trainer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

from app.errors import Unavailable
from app.jobs.job import Event
from app.jobs.journal import Journal


class Feed:
    """Follows jobs in the journal. However many watch, one asks whether anything is new, and only while they wait."""

    def __init__(self, journal: Journal, seconds: float) -> None:
        self._journal = journal
        self._seconds = seconds
        self._waiting: Counter[str] = Counter()  # jobs, by how many watchers wait for something new
        self._newest: dict[str, int] = {}
        self._look: asyncio.Task[None] | None = None

    async def follow(self, job: str, after: int = 0) -> AsyncIterator[Event]:
        """Every event of a job with an id above `after`, each once, in order, to its last one; raises NotFound."""
        while True:
            seen = self._newest.get(job)
            ended = (await asyncio.to_thread(self._journal.get, job)).status.terminal  # with its last event
            events = await asyncio.to_thread(self._journal.events, job, after)
            for event in events:
                yield event
                after = event.id
            if ended and not events:
                return
            if not events:
                await self._changed(job, seen)

    async def _changed(self, job: str, seen: int | None) -> None:
        """Wait until the job's newest event is another than `seen` was."""
        self._waiting[job] += 1
        try:
            while self._newest.get(job) in (None, seen):
                if self._look is None or self._look.done():
                    self._look = asyncio.create_task(self._wait_and_look())
                await asyncio.shield(self._look)
        finally:
            self._waiting[job] -= 1

    async def _wait_and_look(self) -> None:
        await asyncio.sleep(self._seconds)
        self._waiting = +self._waiting
        with suppress(Unavailable):  # whoever waits goes on waiting
            self._newest = await asyncio.to_thread(self._journal.newest_events, list(self._waiting))
