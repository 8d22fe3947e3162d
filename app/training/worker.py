"""One job in one process: `python -m app.training.worker JOB ATTEMPT` trains it, publishes the version and exits."""

import os
import sys
import threading
from contextlib import suppress
from typing import Any

from app.jobs.job import Job, Status, Wish
from app.jobs.journal import Journal, LostLease
from app.settings import Settings
from app.store.model_store import ModelStore
from app.telemetry import configure_logging, log
from app.training.wishes import Cancelled, Paused, StoppedEarly

BEATS_PER_LEASE = 6


class Reporter:
    """Writes to the journal for one attempt, and keeps its lease from a thread of its own."""

    def __init__(self, journal: Journal, job: Job, lease_seconds: float) -> None:
        self._journal = journal
        self._job = job
        self._lease = lease_seconds
        self._published = False
        self._stopping = False
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Reporter":
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._heart.join()

    def __call__(self, kind: str, **facts: Any) -> None:
        """Write an event and the columns among its facts; raises LostLease, or, before publication, what is wished."""
        wish = self._journal.report(self._job, self._lease, kind, **facts)
        self._published |= kind == "published"
        if self._published:
            return
        if wish is Wish.CANCEL:
            raise Cancelled("the job was cancelled")
        if wish is Wish.PAUSE:
            raise Paused("the job was paused")
        if wish is Wish.STOP_EARLY and not self._stopping:
            self._stopping = True
            raise StoppedEarly("the job was stopped early")

    def _beat(self) -> None:
        while not self._ended.wait(self._lease / BEATS_PER_LEASE):
            try:
                self._journal.report(self._job, self._lease)
            except LostLease as fault:
                log.error("stopping: %s", fault)
                os._exit(1)  # somebody else has the job: not one line more may be written
            except Exception:
                log.exception("heartbeat failed; trying again")


def run(job: Job, settings: Settings, journal: Journal) -> None:
    """Train and publish one running job, and write how it ended."""
    with Reporter(journal, job, settings.lease_seconds) as report:
        status, facts = _outcome(job, settings, report)
    if status is Status.PAUSED:
        if journal.set_aside(job):
            return
        status = Status.CANCELLED
    journal.finish(job, status, **facts)
    _forget_checkpoints(job, settings)


def _outcome(job: Job, settings: Settings, report: Reporter) -> tuple[Status, dict[str, Any]]:
    try:
        return Status.SUCCEEDED, {"result": _train_and_publish(job, settings, report)}
    except LostLease:
        raise
    except Cancelled:
        return Status.CANCELLED, {}
    except Paused:
        return Status.PAUSED, {}
    except Exception as fault:
        log.exception("the job failed")
        return Status.FAILED, {"error": f"{type(fault).__name__}: {fault}"}


def _train_and_publish(job: Job, settings: Settings, report: Reporter) -> dict[str, Any]:
    from app.training.attempt import attempt  # noqa: PLC0415  TensorFlow takes seconds; the lease must beat by then

    store = ModelStore(settings.store)
    store.discard(job.id)  # what an attempt before this one left
    try:
        return attempt(job, settings, store, store.stage(job.id), report)
    finally:
        store.discard(job.id)


def _forget_checkpoints(job: Job, settings: Settings) -> None:
    for path in (settings.workspace / job.id).glob("checkpoint-*"):
        path.unlink(missing_ok=True)


def main(job_id: str, attempt: str) -> int:
    """Run the job that a supervisor has claimed for this attempt; returns an exit code."""
    settings = Settings()
    configure_logging(settings.log_level)
    with suppress(OSError):
        os.nice(settings.trainer_nice)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    journal = Journal(settings.journal_url).open()
    try:
        job = journal.get(job_id)
        if job.status is not Status.RUNNING or job.attempts != int(attempt):  # it waited for room for too long
            log.error("job %s is not for attempt %s: it is %s, attempt %d", job_id, attempt, job.status, job.attempts)
            return 1
        run(job, settings, journal)
    finally:
        journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
