"""The port of a launcher: where and how the trainer of one attempt runs."""

from dataclasses import dataclass
from typing import Protocol

from app.jobs.job import Job


@dataclass(frozen=True)
class TrainerExit:
    """How a trainer ended, in words that go on after "the trainer", and whether that counts against its job."""

    reason: str
    counts: bool = True

    def __str__(self) -> str:
        return self.reason

    @classmethod
    def of(cls, code: int) -> "TrainerExit":
        """That of a process, from its exit code; a negative number is the signal that ended it."""
        return cls(f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}")


class TrainerHandle(Protocol):
    """A trainer that was launched."""

    @property
    def pid(self) -> int | None:
        """Its process on this machine; None when it runs elsewhere."""

    @property
    def waiting(self) -> bool:
        """Whether there is no room for it yet, so that nobody can expect a sign of life from it."""

    def poll(self) -> TrainerExit | None:
        """How it ended, or None while it waits or runs."""

    def stop(self, *, force: bool = False) -> None:
        """Ask it to end, or end it with all its children; harmless when it has ended."""

    def log_tail(self) -> str:
        """The end of its log."""


class Launcher(Protocol):
    """Starts trainers. Those of an `detached` one go on when the process that launched them leaves."""

    detached: bool

    def launch(self, job: Job) -> TrainerHandle:
        """Start the trainer for a job that was just claimed; raises Unavailable when nothing can be started now."""

    def find(self, job: Job) -> TrainerHandle | None:
        """The trainer that another process launched for this attempt; None where such a one cannot be looked after."""
