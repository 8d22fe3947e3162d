"""Trainers on a Ray cluster: each is a Ray job, which Ray queues until some node has room, places and watches."""

import json
import shlex
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

from app.errors import Unavailable
from app.jobs.job import Job
from app.jobs.launchers.launcher import TrainerExit
from app.jobs.launchers.local import LOG, last_lines
from app.jobs.launchers.node import COMMAND, SETTINGS
from app.jobs.launchers.ray_head import RayHead, RayRefused

LOOK_SECONDS = 2.0  # trainers tell the journal how they are; Ray is asked whether they are still there
LOOKS_PER_SECOND = 50  # at most, of all trainers together: an answer takes the head 6 ms
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
NO_ROOM = ("JOB_SUPERVISOR_ACTOR_START_TIMEOUT", "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE")


@dataclass(frozen=True)
class Resources:
    """What Ray sets aside for a trainer: cores, GPUs (a fraction, or a whole number), and bytes of memory (0: any)."""

    cpus: int = 1
    gpus: float = 0.0
    memory_bytes: int = 0


class RayTrainerHandle:
    """One Ray job. Its name is made of the job's id and its attempt, so that no attempt ever has two trainers."""

    pid = None  # on another machine

    def __init__(self, head: RayHead, pace: "PollingRate", job: Job, log_file: Path, *, launched: bool) -> None:
        self.name = name_of(job)
        self.waiting = launched
        self._head = head
        self._pace = pace
        self._log_file = log_file
        self._known = launched  # to Ray; one that somebody else launches may not have got there yet
        self._exit: TrainerExit | None = None
        self._message = ""
        self._look_from = 0.0

    def poll(self) -> TrainerExit | None:
        """How it ended, or None while it waits or runs, or Ray does not answer."""
        if self._exit is None and time.monotonic() >= self._look_from:
            self._look_from = time.monotonic() + self._pace.seconds(self)
            with suppress(Unavailable):
                self._note(self._head.look(self.name))
        return self._exit

    def stop(self, *, force: bool = False) -> None:  # noqa: ARG002  Ray kills what does not heed its signal
        """Ask Ray to end it. One that waits for room is over at once."""
        if self.waiting:
            self.waiting, self._exit = False, TrainerExit("was withdrawn", counts=False)
        with suppress(Unavailable):
            self._head.stop(self.name)

    def log_tail(self) -> str:
        """The end of its log, or what Ray says of its end."""
        return last_lines(self._log_file) or self._message

    def _note(self, seen: dict[str, Any] | None) -> None:
        if seen is not None:
            self._known = True
            self._message = seen.get("message") or ""
            self.waiting = seen["status"] == "PENDING"
            if seen["status"] in ENDED:
                self._exit = exit_of(seen)
                self._head.forget(self.name)  # the journal knows it all; Ray would keep it as long as the cluster lasts
        elif self._known:  # the head was started anew, and with it the cluster
            self._exit = TrainerExit("is not known to Ray any more", counts=not self.waiting)
            self.waiting = False


class PollingRate:
    """How often Ray is asked: the more trainers there are, the less often for each."""

    def __init__(self) -> None:
        self._trainers: WeakSet[RayTrainerHandle] = WeakSet()

    def seconds(self, trainer: RayTrainerHandle) -> float:
        """How long this one waits between two looks."""
        self._trainers.add(trainer)
        return max(LOOK_SECONDS, len(self._trainers) / LOOKS_PER_SECOND)


class RayLauncher:
    """Starts trainers as Ray jobs. They outlast whoever launched them, and are found again by their names.

    The store and the journal must be where every node reaches them at the same address.
    """

    detached = True

    def __init__(self, head: RayHead, workspace: Path, environment: Mapping[str, str], resources: Resources) -> None:
        self._head = head
        self._workspace = workspace
        self._environment = {**environment, "FITSERVE_TRAINER_THREADS": str(resources.cpus)}
        self._resources = resources
        self.pace = PollingRate()

    def launch(self, job: Job) -> RayTrainerHandle:
        """Queue a Ray job for this attempt, or take the one that there is already; raises Unavailable."""
        submission = self._submission(job)
        try:
            self._head.submit(submission)
        except RayRefused:
            seen = self._head.look(name_of(job))
            if seen is None:
                raise
            if seen["status"] in ENDED:  # of an attempt that did not count, so that its number comes again
                self._head.forget(name_of(job))
                self._head.submit(submission)
        return self._trainer(job, launched=True)

    def find(self, job: Job) -> RayTrainerHandle:
        """The trainer of this attempt, whoever launched it."""
        return self._trainer(job, launched=False)

    def _trainer(self, job: Job, *, launched: bool) -> RayTrainerHandle:
        return RayTrainerHandle(self._head, self.pace, job, self._workspace / job.id / LOG, launched=launched)

    def _submission(self, job: Job) -> dict[str, Any]:
        return {
            "submission_id": name_of(job),
            "entrypoint": f"exec {shlex.join([*COMMAND, job.id, str(job.attempts)])}",
            "runtime_env": {"env_vars": {SETTINGS: json.dumps(self._environment)}},
            "metadata": {"job": job.id, "model": job.model, "attempt": str(job.attempts)},
            "entrypoint_num_cpus": self._resources.cpus,
            "entrypoint_num_gpus": self._resources.gpus,
            "entrypoint_memory": self._resources.memory_bytes,
        }


def name_of(job: Job) -> str:
    """What Ray calls the trainer of an attempt."""
    return f"fitserve-{job.id}-{job.attempts}"


def exit_of(seen: Mapping[str, Any]) -> TrainerExit:
    """How a Ray job ended that is over."""
    code, fault = seen.get("driver_exit_code"), seen.get("error_type")
    if code is not None:
        return TrainerExit.of(code)
    if seen["status"] == "STOPPED":
        return TrainerExit("was stopped on Ray", counts=False)
    if fault in NO_ROOM:
        return TrainerExit("found no room on Ray in time", counts=False)
    reason = " ".join((seen.get("message") or "for a reason that Ray does not give").split())
    return TrainerExit(
        f"was lost with its node: {reason}" if fault == "JOB_SUPERVISOR_ACTOR_DIED" else f"failed: {reason}"
    )
