"""A job: one requested training, and the states it goes through."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Promote: TypeAlias = Literal["if_better", "always", "never"]
Format: TypeAlias = Literal["savedmodel"]  # beside ONNX and Keras, which every version has


class Status(StrEnum):
    """Status of a job: queued -> running -> succeeded | failed | cancelled. If its trainer is lost, it is queued again.

    Queued and running jobs can be paused; a resumed job is queued again.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the job has ended; a terminal state is never rewritten."""
        return self in TERMINAL


TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})


class ControlRequest(StrEnum):
    """A control request for a running job, until its trainer has received it."""

    CANCEL = "cancel"
    PAUSE = "pause"
    STOP_EARLY = "stop_early"


class NewJob(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(frozen=True)

    family: str
    model: str
    hyperparameters: dict[str, Any]
    promote: Promote = "if_better"
    priority: int = 0
    formats: tuple[Format, ...] = Field((), description="Additional export formats besides ONNX and Keras.")
    sweep: str | None = Field(None, description="The sweep that this job is a trial of.")
    trial: int | None = Field(None, description="Trial number within the sweep, starting at 1.")
    idempotency_key: str | None = Field(None, exclude=True)
    idempotency_body: str | None = Field(None, exclude=True)  # a digest: the key means this body and no other
    origin: dict[str, str] = Field(default_factory=dict, exclude=True)  # the request and the trace that it comes from


class Job(NewJob):
    """A job."""

    id: str = Field(examples=["3f9c2a7b1d40"])
    status: Status
    control_request: ControlRequest | None = Field(None, description="Pending control request.")
    attempts: int = Field(0, description="Number of attempts started.")
    progress: float = Field(0.0, description="Fraction of the training completed, 0 to 1.")
    phase: str | None = None
    epoch: int | None = Field(None, description="Current epoch of this phase, starting at 1.")
    epochs: int | None = Field(None, description="Number of epochs of this phase.")
    eta_seconds: float | None = Field(None, description="Estimated remaining training time in seconds.")
    metrics: dict[str, float] = Field(default_factory=dict, description="Latest metrics.")
    result: dict[str, Any] | None = Field(
        None, description="Published version, whether and why it was promoted, and how training `diverged`, if it did."
    )
    error: str | None = None
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None


class Event(BaseModel):
    """Something that happened to a job; ids only grow."""

    id: int
    job: str
    kind: str
    time: datetime
    data: dict[str, Any]


def now() -> datetime:
    """The present moment, with its time zone."""
    return datetime.now(UTC)
