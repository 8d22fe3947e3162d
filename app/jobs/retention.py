"""Retention: what is left of old jobs grows smaller, by age; versions are never touched."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from app.errors import NotFound
from app.jobs.job import Job, Status, now
from app.jobs.journal import Journal
from app.logging import log

HOUR = 3600.0


class Folders(Protocol):
    """What jobs leave, wherever it lies."""

    def jobs(self) -> list[str]:
        """The jobs that have left something."""

    def forget_checkpoints(self, job: str) -> None:
        """Remove a job's checkpoints, and leave its log."""

    def forget(self, job: str) -> None:
        """Remove all that a job has left."""


class Retention:
    """Thins the journal and the jobs' folders: progress events first, logs later; jobs and their epochs stay.

    `clear` removes what requests have left that queued nothing.
    """

    def __init__(
        self,
        journal: Journal,
        folders: Folders,
        progress_days: float,
        log_days: float,
        clear: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._folders = folders
        self._progress_days = progress_days
        self._log_days = log_days
        self._clear = clear

    async def run(self) -> None:
        """Thin once an hour until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.thin)
            except Exception:
                log.exception("thinning old jobs failed; trying again in an hour")
            await asyncio.sleep(HOUR)

    def thin(self) -> None:
        """Remove the progress of jobs that ended long ago, the checkpoints of those that ended, and old folders."""
        self._clear()
        self._journal.forget_progress(now() - timedelta(days=self._progress_days))
        for job in self._folders.jobs():
            found = self._ended(job)
            if found and found.finished:
                self._thin(job, now() - found.finished, failed=found.status is Status.FAILED)

    def _thin(self, job: str, age: timedelta, *, failed: bool) -> None:
        if not failed or age > timedelta(days=self._progress_days):  # what failed may be worth a look
            self._folders.forget_checkpoints(job)
        if age > timedelta(days=self._log_days):
            self._folders.forget(job)

    def _ended(self, job: str) -> Job | None:
        try:
            found = self._journal.get(job)
        except NotFound:  # of a service with another journal
            return None
        return found if found.status.terminal else None
