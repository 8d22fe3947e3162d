"""The feed: the events of a job as they happen, for any number of watchers, at no cost to its trainer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import TypeAlias

from app.errors import Unavailable
from app.jobs.job import Event
from app.jobs.reader import JournalReader

Read: TypeAlias = tuple[bool, Sequence[Event]]  # whether the job has ended, and what is new


class EventFeed:
    """Follows jobs in the journal. However many watch, one asks whether anything is new, and only while they wait;
    and those who are equally far read what is new together.
    """

    def __init__(self, journal: JournalReader, seconds: float) -> None:
        self._journal = journal
        self._seconds = seconds
        self._waiting: Counter[str] = Counter()  # jobs, by how many watchers wait for something new
        self._newest: dict[str, int] = {}
        self._look: asyncio.Task[None] | None = None
        self._reads: dict[tuple[str, int], asyncio.Task[Read]] = {}

    async def follow(self, job: str, after: int = 0) -> AsyncIterator[Event]:
        """Every event of a job with an id above `after`, each once, in order, to its last one; raises NotFound."""
        while True:
            seen = self._newest.get(job)
            ended, events = await self._read(job, after)
            for event in events:
                yield event
                after = event.id
            if ended and not events:
                return
            if not events:
                await self._changed(job, seen)

    async def _read(self, job: str, after: int) -> Read:
        key = job, after
        if key not in self._reads:
            self._reads[key] = asyncio.create_task(asyncio.to_thread(self._look_up, job, after))
            self._reads[key].add_done_callback(lambda _: self._reads.pop(key))
        return await asyncio.shield(self._reads[key])

    def _look_up(self, job: str, after: int) -> Read:
        ended = self._journal.get(job).status.terminal  # a job ends with its last event
        return ended, self._journal.events(job, after)

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
