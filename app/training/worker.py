"""One job in one process: `python -m app.training.worker JOB` trains it, publishes the version and exits."""

import os
import shutil
import sys
import threading
from contextlib import suppress
from typing import Any

from app.errors import FitserveError
from app.jobs.job import Job, Status
from app.jobs.journal import Journal, LostLease
from app.settings import Settings
from app.store.model_store import ModelStore
from app.telemetry import configure_logging, log

BEATS_PER_LEASE = 6


class Cancelled(FitserveError):
    """Somebody asked for the end of this job."""


class Reporter:
    """Writes to the journal for one attempt, and keeps its lease from a thread of its own."""

    def __init__(self, journal: Journal, job: Job, lease_seconds: float) -> None:
        self._journal = journal
        self._job = job
        self._lease = lease_seconds
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Reporter":
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._heart.join()

    def __call__(self, kind: str, **facts: Any) -> None:
        """Write an event and the columns among its facts; raises Cancelled or LostLease."""
        if self._journal.report(self._job, self._lease, kind, **facts) or self._cancelled.is_set():
            raise Cancelled("the job was cancelled")

    def _beat(self) -> None:
        while not self._ended.wait(self._lease / BEATS_PER_LEASE):
            try:
                if self._journal.report(self._job, self._lease):
                    self._cancelled.set()
            except LostLease as fault:
                log.error("stopping: %s", fault)
                os._exit(1)  # somebody else has the job: not one line more may be written
            except Exception:
                log.exception("heartbeat failed; trying again")


def run(job: Job, settings: Settings, journal: Journal) -> None:
    """Train and publish one running job, and write how it ended."""
    store = ModelStore(settings.store)
    with Reporter(journal, job, settings.lease_seconds) as report:
        try:
            result = _train_and_publish(job, settings, store, report)
        except LostLease:
            raise
        except Cancelled:
            journal.finish(job, Status.CANCELLED)
        except Exception as fault:
            log.exception("the job failed")
            journal.finish(job, Status.FAILED, error=f"{type(fault).__name__}: {fault}")
        else:
            journal.finish(job, Status.SUCCEEDED, result=result)
    _forget_checkpoints(job, settings)


def _train_and_publish(job: Job, settings: Settings, store: ModelStore, report: Reporter) -> dict[str, Any]:
    from app.training.attempt import attempt  # noqa: PLC0415  TensorFlow takes seconds; the lease must beat by then

    staged = store.stage(job.id)
    try:
        return attempt(job, settings, store, staged, report)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _forget_checkpoints(job: Job, settings: Settings) -> None:
    for path in (settings.workspace / job.id).glob("checkpoint-*"):
        path.unlink(missing_ok=True)


def main(job_id: str) -> int:
    """Run the job that a supervisor has claimed; returns an exit code."""
    settings = Settings()
    configure_logging(settings.log_level)
    with suppress(OSError):
        os.nice(settings.trainer_nice)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    journal = Journal(settings.journal_url).open()
    try:
        job = journal.get(job_id)
        if job.status is not Status.RUNNING:
            log.error("job %s is not running but %s", job_id, job.status)
            return 1
        ModelStore(settings.store).sweep([other.id for other in journal.running() if other.id != job_id])
        run(job, settings, journal)
    finally:
        journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
