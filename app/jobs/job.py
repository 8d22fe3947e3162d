"""A job: one requested training, and the states it goes through."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Promote: TypeAlias = Literal["if_better", "always", "never"]
Format: TypeAlias = Literal["savedmodel"]  # beside ONNX and Keras, which every version has


class Status(StrEnum):
    """queued -> running -> succeeded | failed | cancelled; running -> queued when a trainer is lost.

    A job that waits or runs can be paused; resumed, it is queued again.
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


class Wish(StrEnum):
    """What somebody asked of a running job, until its trainer has heard."""

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
    formats: tuple[Format, ...] = Field((), description="What the version holds beside its ONNX and its Keras file.")
    sweep: str | None = Field(None, description="The sweep that this job is a trial of.")
    trial: int | None = Field(None, description="Which of its trials, from 1.")
    idempotency_key: str | None = Field(None, exclude=True)
    idempotency_body: str | None = Field(None, exclude=True)  # a digest: the key means this body and no other
    origin: dict[str, str] = Field(default_factory=dict, exclude=True)  # the request and the trace that it comes from


class Job(NewJob):
    """A row of the journal."""

    id: str = Field(examples=["3f9c2a7b1d40"])
    status: Status
    wish: Wish | None = Field(None, description="What was asked of it and is not done yet.")
    attempts: int = Field(0, description="How many times a trainer has started on it.")
    progress: float = Field(0.0, description="Share of the training done, 0 to 1.")
    phase: str | None = None
    epoch: int | None = Field(None, description="Epoch under way in this phase, from 1.")
    epochs: int | None = Field(None, description="Epochs of this phase.")
    eta_seconds: float | None = Field(
        None, description="Seconds that training will still take, as far as one can tell."
    )
    metrics: dict[str, float] = Field(default_factory=dict, description="The latest figures.")
    result: dict[str, Any] | None = Field(
        None, description="The version that came out, whether it was promoted, and how it `diverged`, if it did."
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
