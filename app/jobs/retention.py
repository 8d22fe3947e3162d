"""Retention: what is left of old jobs grows smaller, by age; versions are never touched."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

from app.jobs.job import now
from app.jobs.journal import Journal
from app.telemetry import log

HOUR = 3600.0
CHECKPOINTS = "checkpoint-*"


class Retention:
    """Thins the journal and the jobs' folders: progress events first, logs later; jobs and their epochs stay."""

    def __init__(self, journal: Journal, workspace: Path, progress_days: float, log_days: float) -> None:
        self._journal = journal
        self._workspace = workspace
        self._progress_days = progress_days
        self._log_days = log_days

    async def run(self) -> None:
        """Thin once an hour until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.thin)
            except Exception:
                log.exception("thinning old jobs failed; trying again in an hour")
            await asyncio.sleep(HOUR)

    def thin(self) -> None:
        """Remove the progress of jobs that ended long ago, the checkpoints of all that ended, and old folders."""
        self._journal.forget_progress(now() - timedelta(days=self._progress_days))
        for folder in self._workspace.glob("*"):
            ended = self._journal.ended(folder.name)
            if ended is None:
                continue
            for checkpoint in folder.glob(CHECKPOINTS):
                checkpoint.unlink(missing_ok=True)
            if ended < now() - timedelta(days=self._log_days):
                shutil.rmtree(folder, ignore_errors=True)
