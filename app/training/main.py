"""One job in one process: `python -m app.training.main JOB ATTEMPT` trains it, publishes the version and exits."""

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn, TypeVar

from app.confinement import lower_priority
from app.errors import SystemFault, Unavailable
from app.jobs.job import ControlRequest, Job, Status
from app.jobs.journal import Journal, LostLease
from app.jobs.launchers.local import LOG
from app.logging import configure_logging, log
from app.settings import Settings
from app.store.model_store import ModelStore
from app.store.opening import open_store
from app.tracing import annotate, configure_tracing, end_tracing, linked
from app.training.control_requests import Cancelled, Paused, StoppedEarly

BEATS_PER_LEASE = 6
RETRY_SECONDS = 1.0

Result = TypeVar("Result")


def retry_forever(write: Callable[[], Result]) -> Result:
    """Write to the journal; while it is away, wait."""
    while True:
        try:
            return write()
        except Unavailable as fault:
            log.warning("waiting: %s", fault)
            time.sleep(RETRY_SECONDS)


class Reporter:
    """Writes to the journal for one attempt, and keeps its lease from a thread of its own.

    A process that has not heeded the wish for its end for twice the time of grace ends there: the supervisor that
    started it may be gone.
    """

    def __init__(
        self,
        journal: Journal,
        job: Job,
        lease_seconds: float,
        termination_grace_seconds: float = math.inf,
        progress_interval_seconds: float = 0.0,
    ) -> None:
        self._journal = journal
        self._job = job
        self._lease = lease_seconds
        self._stop_timeout = 2 * termination_grace_seconds
        self._progress_interval_seconds = progress_interval_seconds
        self._progressed = -math.inf
        self._reached = True
        self._published = False
        self._stopping = False
        self._ended = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Reporter":
        self._heartbeat.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._heartbeat.join()

    def __call__(self, kind: str, **facts: Any) -> None:
        """Write an event and the columns among its facts; raises LostLease, or, before publication, what is wished.

        While the journal is away the training goes on, to the end of its epoch.
        """
        write = partial(self._journal.report, self._job, self._lease, kind, **facts)
        control_request = self._report_progress(write) if kind == "progress" else retry_forever(write)
        self._published |= kind == "published"
        if self._published:
            return
        if control_request is ControlRequest.CANCEL:
            raise Cancelled("the job was cancelled")
        if control_request is ControlRequest.PAUSE:
            raise Paused("the job was paused")
        if control_request is ControlRequest.STOP_EARLY and not self._stopping:
            self._stopping = True
            raise StoppedEarly("the job was stopped early")

    def _report_progress(self, write: Callable[[], ControlRequest | None]) -> ControlRequest | None:
        """Progress comes again in a moment; once it was in vain, the heartbeat tries first."""
        if self._reached and time.monotonic() >= self._progressed + self._progress_interval_seconds:
            self._progressed = time.monotonic()
            try:
                return write()
            except Unavailable as fault:
                self._reached = False
                log.warning("progress is not told: %s", fault)
        return None

    def _beat(self) -> None:
        asked = math.inf
        while not self._ended.wait(self._lease / BEATS_PER_LEASE):
            try:
                control_request = self._journal.report(self._job, self._lease)
                self._reached = True
            except LostLease as fault:
                self._exit_now(str(fault))  # somebody else has the job: not one line more may be written
            except Exception:
                log.exception("heartbeat failed; trying again")
                continue
            unwanted = control_request in (ControlRequest.CANCEL, ControlRequest.PAUSE) and not self._published
            asked = min(asked, time.monotonic()) if unwanted else math.inf
            if time.monotonic() > asked + self._stop_timeout:
                self._exit_now(f"the request to {control_request} was not handled in time")

    def _exit_now(self, why: str) -> NoReturn:
        log.error("stopping: %s", why)
        os._exit(1)


def run(job: Job, settings: Settings, journal: Journal) -> None:
    """Train and publish one running job, and write how it ended."""
    store = open_store(settings, settings.store_retry_seconds)
    intervals = settings.lease_seconds, settings.termination_grace_seconds, settings.progress_interval_seconds
    trace = journal.origin(job.id).get("trace")
    with (
        store.jobs.of(job.id).tailing_upload(LOG),
        Reporter(journal, job, *intervals) as report,
        linked("train", trace, job=job.id, model=job.model, attempt=job.attempts),
    ):
        log.info("attempt begins", model=job.model, attempt=job.attempts)
        status, facts = _outcome(job, settings, store, journal, report)
        annotate(status=status)
    log.info("attempt ended", status=status, attempt=job.attempts)
    if status is Status.PAUSED:
        if retry_forever(partial(journal.mark_paused, job)):
            return
        status = Status.CANCELLED
    retry_forever(partial(journal.finish, job, status, **facts))
    if status is not Status.FAILED:
        with best_effort("removing the checkpoints"):
            store.jobs.forget_checkpoints(job.id)


def _outcome(
    job: Job, settings: Settings, store: ModelStore, journal: Journal, report: Reporter
) -> tuple[Status, dict[str, Any]]:
    try:
        return Status.SUCCEEDED, {"result": _train_and_publish(job, settings, store, journal, report)}
    except LostLease:
        raise
    except Cancelled:
        return Status.CANCELLED, {}
    except Paused:
        return Status.PAUSED, {}
    except SystemFault:
        raise  # this attempt is lost, not the job: once there is room, the next goes on from the last checkpoint
    except Unavailable as fault:
        log.exception("the job failed")
        kept = f"its last checkpoint, if it came to one, is kept in {settings.workspace / job.id}"
        return Status.FAILED, {"error": f"{fault}; {kept}"}
    except Exception as fault:
        if SystemFault.of(fault):
            raise  # as above
        log.exception("the job failed")
        return Status.FAILED, {"error": f"{type(fault).__name__}: {fault}"}


def _train_and_publish(
    job: Job, settings: Settings, store: ModelStore, journal: Journal, report: Reporter
) -> dict[str, Any]:
    from app.training.run_attempt import run_attempt  # noqa: PLC0415  TensorFlow takes seconds; the lease must beat by then

    store.discard(job.id)  # what an attempt before this one left
    try:
        return run_attempt(job, settings, store, journal, store.stage(job.id), report)
    finally:
        with best_effort("removing what was staged"):
            store.discard(job.id)


@contextmanager
def best_effort(what: str) -> Iterator[None]:
    """Leave something to the next sweep when the store does not work."""
    try:
        yield
    except Unavailable as fault:
        log.warning("%s is left for later: %s", what, fault)


def main(job_id: str, attempt: str) -> int:
    """Run the job that a supervisor has claimed for this attempt; returns an exit code."""
    settings = Settings()
    configure_logging(settings.log_level, settings.log_form, job=job_id)
    configure_tracing()
    lower_priority(settings.trainer_nice)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # a GPU is shared with whoever serves on it
    journal = Journal(settings.journal_url, connections=1).open()  # a trainer has little to say
    try:
        job = journal.get(job_id)
        if job.status is not Status.RUNNING or job.attempts != int(attempt):  # it waited for room for too long
            log.error("the job is not for this attempt", status=job.status, attempt=job.attempts)
            return 1
        run(job, settings, journal)
    finally:
        journal.close()
        end_tracing()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
