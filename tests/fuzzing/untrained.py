"""The service as it is, but for its trainers: `python -m tests.fuzzing.untrained`. Those that it launches fail at once."""

from app import bootstrap
from app.jobs.job import Job
from tests.fakes import FakeTrainer


class FailingLauncher:
    """A launcher without processes."""

    def __init__(self, *_: object) -> None:
        pass

    def launch(self, job: Job) -> FakeTrainer:  # noqa: ARG002  as launchers have it
        trainer = FakeTrainer()
        trainer.code = 1
        return trainer


bootstrap.LocalLauncher = FailingLauncher  # type: ignore[assignment,misc]

if __name__ == "__main__":
    from app.main import serve  # noqa: PLC0415  it builds the service

    serve()
