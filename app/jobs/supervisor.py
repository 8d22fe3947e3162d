"""The supervisor: claims waiting jobs, launches their trainers, and gives back what is lost."""

import asyncio
import math
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from app.errors import Unavailable
from app.jobs.job import ControlRequest, Job, Status
from app.jobs.journal import Journal, LostLease
from app.jobs.launchers.launcher import Launcher, TrainerHandle
from app.jobs.leader_lease import Leadership
from app.logging import log

RETRY_SECONDS = 5.0  # after nothing could be launched
RENEWALS = 3  # of the lease of a trainer that waits, in the time of a lease


@dataclass(frozen=True)
class SupervisorRules:
    """How many trainers at once, how often a lost job is tried, and how long anybody is waited for (seconds)."""

    max_trainers: int = 1
    max_attempts: int = 3
    lease_seconds: float = 30
    leader_lease_seconds: float = 5
    termination_grace_seconds: float = 5
    job_poll_seconds: float = 0.5


@dataclass
class _Attempt:
    job: Job
    trainer: TrainerHandle
    asked_to_stop: float | None = field(default=None)
    signalled: bool = field(default=False)
    waited: bool = field(default=False)  # when it was looked at last
    renew_from: float = field(default=0.0)


class Supervisor:
    """One of these runs in each process that shares a journal. One of them leads: it starts trainers and gives back
    what is lost. The others look after the trainers that they started while they led, and stand by.
    """

    def __init__(self, journal: Journal, launcher: Launcher, rules: SupervisorRules) -> None:
        self._journal = journal
        self._launcher = launcher
        self._rules = rules
        self._leadership = Leadership(journal.database, rules.leader_lease_seconds)
        self._unavailable_since = -math.inf  # when the journal was last found to be away
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
                self._unavailable_since = time.monotonic()
                log.error("no job can be looked after; trying again", reason=str(fault))
            except Exception:
                log.exception("the supervisor's step failed; trying again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._rules.job_poll_seconds)

    def is_leader(self) -> bool:
        """Whether this process is the one of its journal that starts trainers."""
        return self._leadership.holds_lease

    def wake(self) -> None:
        """Look for work now rather than at the next poll; call it from the event loop."""
        self._wake.set()

    def step(self, only: str | None = None) -> None:
        """Look once at everything; with `only`, claim no other job than that one, whoever leads."""
        with self._turn:
            if self._closed:
                return
            may_act = self._keep_leadership() if only is None else True
            if not (self._attempts or (may_act and self._journal.has_work())):
                return
            if may_act:
                self._find()
            self._collect_ended()
            self._renew_waiting()
            self._stop_unwanted()
            if may_act:
                self._collect_expired()
                self._start(only)

    def trainers(self) -> list[tuple[Job, int]]:
        """The jobs whose trainers this process launched and that run on this machine, with their processes."""
        launched = [(attempt.job, attempt.trainer) for attempt in list(self._attempts.values())]
        return [(job, pid) for job, trainer in launched if (pid := trainer.pid) is not None and trainer.poll() is None]

    def close(self) -> None:
        """Stop the trainers of this process; their jobs wait for the next supervisor, at no cost of an attempt.

        Trainers that outlast it are left to the next supervisor as they are.
        """
        with self._turn:
            self._closed = True
        if self._launcher.detached:
            self._attempts.clear()
        for attempt in self._attempts.values():
            attempt.trainer.stop()
        deadline = time.monotonic() + self._rules.termination_grace_seconds
        while time.monotonic() < deadline and any(a.trainer.poll() is None for a in self._attempts.values()):
            time.sleep(0.05)
        for attempt in self._attempts.values():
            attempt.trainer.stop(force=True)
            with suppress(Unavailable):
                self._attempt_over(attempt.job, "the service stopped", counts=False)
        self._attempts.clear()
        with suppress(Unavailable):
            self._leadership.resign()

    # ---- inside

    def _keep_leadership(self) -> bool:
        before, leads = self._leadership.holds_lease, self._leadership.keep()
        if leads != before:
            log.info("this process %s", "looks after the jobs from now on" if leads else "stands by from now on")
        return leads

    def _start(self, only: str | None) -> None:
        leader = None if only else self._leadership.name
        room, lease = self._rules.max_trainers, self._rules.lease_seconds
        while time.monotonic() >= self._launch_from and (
            job := self._journal.claim(lease, only, room=room, leader=leader)
        ):
            if before := self._attempts.get(job.id):  # it lost the job, and has not ended yet
                before.trainer.stop(force=True)
            self._launch(job)

    def _launch(self, job: Job) -> None:
        try:
            self._attempts[job.id] = _Attempt(job, self._launcher.launch(job))
            log.info("attempt started", job=job.id, model=job.model, attempt=job.attempts)
        except Unavailable as fault:
            self._launch_from = time.monotonic() + RETRY_SECONDS
            self._attempt_over(job, str(fault), counts=False)

    def _find(self) -> None:
        """Look after the trainers that another process launched, where they outlast it."""
        for job in self._journal.running() if self._launcher.detached else ():
            if job.id not in self._attempts and (trainer := self._launcher.find(job)):
                self._attempts[job.id] = _Attempt(job, trainer)

    def _collect_ended(self) -> None:
        for attempt in list(self._attempts.values()):
            exited = attempt.trainer.poll()
            if exited is not None:
                reason = f"the trainer {exited}"
                self._attempt_over(attempt.job, reason, attempt.trainer.log_tail(), counts=exited.counts)
                del self._attempts[attempt.job.id]

    def _renew_waiting(self) -> None:
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

    def _collect_expired(self) -> None:
        if time.monotonic() < self._unavailable_since + self._rules.lease_seconds / 2:
            return  # trainers could not reach the journal either; they get the time to say that they live
        for job in self._journal.expired():
            attempt = self._attempts.pop(job.id, None)
            if attempt:
                attempt.trainer.stop(force=True)
            self._attempt_over(job, f"the trainer was silent for {self._rules.lease_seconds:g} s", lease_expired=True)

    def _stop_unwanted(self) -> None:
        """End trainers that did not heed a wish: asked by signal after one time of grace, killed after two."""
        control_requests = {job.id: job.control_request for job in self._journal.running()} if self._attempts else {}
        for attempt in self._attempts.values():
            if control_requests.get(attempt.job.id) not in (ControlRequest.CANCEL, ControlRequest.PAUSE):
                continue
            now = time.monotonic()
            attempt.asked_to_stop = attempt.asked_to_stop or now
            waited = now - attempt.asked_to_stop
            if waited > self._rules.termination_grace_seconds or attempt.trainer.waiting:
                attempt.trainer.stop(force=attempt.signalled and waited > 2 * self._rules.termination_grace_seconds)
                attempt.signalled = True

    def _attempt_over(
        self, job: Job, reason: str, log_tail: str = "", *, counts: bool = True, lease_expired: bool = False
    ) -> None:
        """An attempt is over; unless its trainer ended the job itself, do what was wished, try again or give up."""
        control_request = self._journal.get(job.id).control_request
        if control_request is ControlRequest.CANCEL:
            self._journal.finish(job, Status.CANCELLED, lease_expired=lease_expired)
        elif control_request is ControlRequest.PAUSE:
            self._journal.mark_paused(job, lease_expired=lease_expired)
        elif not counts or job.attempts < self._rules.max_attempts:
            if self._journal.requeue(job, reason, counts=counts, lease_expired=lease_expired):
                log.warning("job given back", job=job.id, reason=reason)
        elif self._journal.finish(
            job,
            Status.FAILED,
            error=f"{reason} in attempt {job.attempts}\n{log_tail}".strip(),
            lease_expired=lease_expired,
        ):
            log.error("job failed", job=job.id, reason=reason)
