"""The supervisor: claims waiting jobs, launches their trainers, and gives back what is lost."""

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from app.errors import Unavailable
from app.jobs.job import Job, Status, Wish
from app.jobs.journal import Journal, LostLease
from app.jobs.launchers.launcher import Launcher, Trainer
from app.telemetry import log

RETRY_SECONDS = 5.0  # after nothing could be launched
RENEWALS = 3  # of the lease of a trainer that waits, in the time of a lease


@dataclass(frozen=True)
class Rules:
    """How many trainers at once, how often a lost job is tried, and how long anybody is waited for (seconds)."""

    max_trainers: int = 1
    max_attempts: int = 3
    lease_seconds: float = 30
    grace_seconds: float = 5
    poll_seconds: float = 0.5


@dataclass
class _Attempt:
    job: Job
    trainer: Trainer
    asked_to_stop: float | None = field(default=None)
    waited: bool = field(default=False)  # when it was looked at last
    renew_from: float = field(default=0.0)


class Supervisor:
    """One of these may run in each process that shares a journal; a job is only ever claimed by one."""

    def __init__(self, journal: Journal, launcher: Launcher, rules: Rules) -> None:
        self._journal = journal
        self._launcher = launcher
        self._rules = rules
        self._attempts: dict[str, _Attempt] = {}
        self._wake = asyncio.Event()
        self._turn = threading.Lock()  # a step may still run in its thread when `close` is called
        self._closed = False
        self._launch_from = 0.0  # not before this moment

    async def run(self) -> None:
        """Step until cancelled."""
        while True:
            self._wake.clear()
            try:
                await asyncio.to_thread(self.step)
            except Unavailable as fault:
                log.error("no job can be looked after: %s; trying again", fault)
            except Exception:
                log.exception("the supervisor's step failed; trying again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._rules.poll_seconds)

    def wake(self) -> None:
        """Look for work now rather than at the next poll; call it from the event loop."""
        self._wake.set()

    def step(self, only: str | None = None) -> None:
        """Look once at everything; with `only`, claim no other job than that one."""
        with self._turn:
            if self._closed or not (self._attempts or self._journal.has_work()):
                return
            self._find()
            self._collect_ended()
            self._keep_waiting()
            self._collect_silent()
            self._stop_unwanted()
            self._start(only)

    def close(self) -> None:
        """Stop the trainers of this process; their jobs wait for the next supervisor, at no cost of an attempt.

        Trainers that outlast it are left to the next supervisor as they are.
        """
        with self._turn:
            self._closed = True
        if self._launcher.outlasting:
            self._attempts.clear()
        for attempt in self._attempts.values():
            attempt.trainer.stop()
        deadline = time.monotonic() + self._rules.grace_seconds
        while time.monotonic() < deadline and any(a.trainer.poll() is None for a in self._attempts.values()):
            time.sleep(0.05)
        for attempt in self._attempts.values():
            attempt.trainer.stop(force=True)
            self._lost(attempt.job, "the service stopped", counts=False)
        self._attempts.clear()

    # ---- inside

    def _start(self, only: str | None) -> None:
        while time.monotonic() >= self._launch_from and len(self._journal.running()) < self._rules.max_trainers:
            job = self._journal.claim(self._rules.lease_seconds, only)
            if job is None:
                return
            self._launch(job)

    def _launch(self, job: Job) -> None:
        try:
            self._attempts[job.id] = _Attempt(job, self._launcher.launch(job))
            log.info("job %s: attempt %d at %s started", job.id, job.attempts, job.model)
        except Unavailable as fault:
            self._launch_from = time.monotonic() + RETRY_SECONDS
            self._lost(job, str(fault), counts=False)

    def _find(self) -> None:
        """Look after the trainers that another process launched, where they outlast it."""
        for job in self._journal.running() if self._launcher.outlasting else ():
            if job.id not in self._attempts and (trainer := self._launcher.find(job)):
                self._attempts[job.id] = _Attempt(job, trainer)

    def _collect_ended(self) -> None:
        for attempt in list(self._attempts.values()):
            ending = attempt.trainer.poll()
            if ending is not None:
                del self._attempts[attempt.job.id]
                reason = f"the trainer {ending}"
                self._lost(attempt.job, reason, attempt.trainer.last_words(), counts=ending.counts)

    def _keep_waiting(self) -> None:
        """Keep the leases of those that wait for room, and once more when they have found it."""
        for attempt in list(self._attempts.values()):
            waiting = attempt.trainer.waiting
            if (waiting and time.monotonic() >= attempt.renew_from) or (attempt.waited and not waiting):
                self._renew(attempt)
            attempt.waited = waiting

    def _renew(self, attempt: _Attempt) -> None:
        first = {"kind": "log", "text": "waiting for room"} if attempt.renew_from == 0 else {}
        try:
            self._journal.report(attempt.job, self._rules.lease_seconds, **first)
            attempt.renew_from = time.monotonic() + self._rules.lease_seconds / RENEWALS
        except LostLease:
            attempt.trainer.stop(force=True)
            del self._attempts[attempt.job.id]

    def _collect_silent(self) -> None:
        for job in self._journal.expired():
            attempt = self._attempts.pop(job.id, None)
            if attempt:
                attempt.trainer.stop(force=True)
            self._lost(job, f"the trainer was silent for {self._rules.lease_seconds:g} s")

    def _stop_unwanted(self) -> None:
        """End trainers that did not heed a wish: asked by signal after one time of grace, killed after two."""
        for attempt in self._attempts.values():
            if self._journal.get(attempt.job.id).wish not in (Wish.CANCEL, Wish.PAUSE):
                continue
            now = time.monotonic()
            attempt.asked_to_stop = attempt.asked_to_stop or now
            waited = now - attempt.asked_to_stop
            if waited > self._rules.grace_seconds or attempt.trainer.waiting:
                attempt.trainer.stop(force=waited > 2 * self._rules.grace_seconds)

    def _lost(self, job: Job, reason: str, last_words: str = "", *, counts: bool = True) -> None:
        """An attempt is over; unless its trainer ended the job itself, do what was wished, try again or give up."""
        wish = self._journal.get(job.id).wish
        if wish is Wish.CANCEL:
            self._journal.finish(job, Status.CANCELLED)
        elif wish is Wish.PAUSE:
            self._journal.set_aside(job)
        elif not counts or job.attempts < self._rules.max_attempts:
            if self._journal.give_back(job, reason, counts=counts):
                log.warning("job %s given back: %s", job.id, reason)
        elif self._journal.finish(
            job, Status.FAILED, error=f"{reason} in attempt {job.attempts}\n{last_words}".strip()
        ):
            log.error("job %s failed: %s", job.id, reason)
