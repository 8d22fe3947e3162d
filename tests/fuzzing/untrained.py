"""The service as it is, but for its trainers, which fail at once: `python -m tests.fuzzing.untrained`."""

import sys

from app import bootstrap
from app.jobs.job import Job
from tests.fakes import FakeTrainer
from tests.service import Service


class FailingLauncher:
    """A launcher without processes."""

    detached = False

    def __init__(self, *_: object) -> None:
        pass

    def launch(self, job: Job) -> FakeTrainer:  # noqa: ARG002  as launchers have it
        trainer = FakeTrainer()
        trainer.code = 1
        return trainer


class UntrainedService(Service):
    """That in a process of its own."""

    command = (sys.executable, "-m", "tests.fuzzing.untrained")


if __name__ == "__main__":
    bootstrap.LocalLauncher = FailingLauncher  # type: ignore[assignment,attr-defined]
    from app.main import serve  # it builds the service

    serve()
