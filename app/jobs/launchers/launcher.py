"""The port of a launcher: where and how the trainer of one attempt runs."""

from typing import Protocol

from app.jobs.job import Job


class Trainer(Protocol):
    """A trainer that was launched."""

    @property
    def pid(self) -> int | None:
        """Its process on this machine; None when it runs elsewhere."""

    def poll(self) -> int | None:
        """Its exit code, or None while it runs; a negative number is the signal that ended it."""

    def stop(self, *, force: bool = False) -> None:
        """Ask it to end, or end it with all its children; harmless when it has ended."""

    def last_words(self) -> str:
        """The end of its log."""


class Launcher(Protocol):
    """Starts trainers."""

    def launch(self, job: Job) -> Trainer:
        """Start the trainer for a job that was just claimed."""
