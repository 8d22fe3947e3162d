"""Sweeps in the journal: which hyperparameters are tried, whose trials are ordinary jobs, and what came of it."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, func, insert, literal, select, update

from app.errors import Busy, NotFound
from app.jobs.database import QUEUE
from app.jobs.job import TERMINAL, ControlRequest, Event, Promote, Status
from app.jobs.journal import Journal, check_body
from app.jobs.tables import DatabaseClock, events, jobs, sweeps
from app.jobs.usage import check_family

Metric: TypeAlias = Literal["val_accuracy", "val_loss"]


class NewSweep(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(frozen=True)

    family: str = Field(examples=["digit"])
    model: str = Field(examples=["digit"])
    space: dict[str, Any] = Field(description="Search space: a range or choices for each hyperparameter.")
    hyperparameters: dict[str, Any] = Field(description="StaticDataset hyperparameters for all trials.")
    metric: Metric = Field(description="Metric to optimise, taken from a trial's best epoch.")
    trials: int
    seed: int = 0
    stop_bad: bool = True
    promote: Promote = "if_better"
    priority: int = 0
    idempotency_key: str | None = Field(None, exclude=True)
    idempotency_body: str | None = Field(None, exclude=True)  # a digest: the key means this body and no other


class Sweep(NewSweep):
    """A sweep."""

    id: str = Field(examples=["8a1f0c2b9d3e"])
    status: Status
    control_request: ControlRequest | None = Field(None, description="Pending control request.")
    ended: int = Field(0, description="Number of trials that have ended.")
    result: dict[str, Any] | None = Field(None, description="Best trial, its version, and whether it was promoted.")
    error: str | None = None
    created: datetime
    finished: datetime | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether the metric is an accuracy."""
        return self.metric == "val_accuracy"


class Sweeps:
    """The sweeps of a journal. Any method raises Unavailable while the database is away."""

    def __init__(self, journal: Journal) -> None:
        self.database = journal.database

    def submit(self, new: NewSweep, most: int, check: Callable[[], None] = lambda: None) -> tuple[Sweep, bool]:
        """Begin a sweep; returns it and whether it is new (an idempotency key seen before gives the first).

        `check` may raise; it is called while nobody else queues anything. Raises Busy when so many run already, and
        InvalidRequest for a key that came with another body.
        """
        row = {**new.model_dump(), "idempotency_key": new.idempotency_key, "idempotency_body": new.idempotency_body}
        row |= {"id": secrets.token_hex(6), "status": Status.RUNNING.value}
        under_way = select(func.count()).select_from(sweeps).where(sweeps.c.status == Status.RUNNING).scalar_subquery()
        values = [literal(value, sweeps.c[name].type) for name, value in row.items()]
        begun = insert(sweeps).from_select([*row, "created"], select(*values, DatabaseClock()).where(under_way < most))
        with self.database.begin(QUEUE) as connection:
            if new.idempotency_key and (known := _found(connection, sweeps.c.idempotency_key == new.idempotency_key)):
                check_body(known[0].idempotency_body, new.idempotency_body)
                return known[0], False
            check()
            check_family(connection, new.model, new.family)
            if connection.execute(begun.returning(sweeps.c.id)).first() is None:
                raise Busy(f"{most} sweeps are already running; try again when one has ended", retry_after=30)
            return _one(connection, row["id"]), True

    def get(self, sweep: str) -> Sweep:
        """One sweep; raises NotFound."""
        with self.database.read() as connection:
            return _one(connection, sweep)

    def latest(self, limit: int = 50) -> list[Sweep]:
        """Sweeps, newest first."""
        return self._select(limit=limit)

    def running(self) -> list[Sweep]:
        """Those that have not ended, the oldest first."""
        return self._select(sweeps.c.status == Status.RUNNING)[::-1]

    def curves(self, sweep: str, kinds: Sequence[str]) -> dict[str, list[Event]]:
        """The events of these kinds of each of its jobs."""
        query = select(events).join(jobs).where(jobs.c.sweep == sweep, events.c.kind.in_(kinds)).order_by(events.c.id)
        found: dict[str, list[Event]] = {}
        with self.database.read() as connection:
            for row in connection.execute(query).mappings():
                event = Event.model_validate(dict(row))
                found.setdefault(event.job, []).append(event)
        return found

    def cancel(self, sweep: str) -> Sweep:
        """Ask for the end of a sweep and its trials; nothing when it has ended."""
        asked = update(sweeps).where(sweeps.c.id == sweep, sweeps.c.status == Status.RUNNING)
        with self.database.begin() as connection:
            connection.execute(asked.values(control_request=ControlRequest.CANCEL))
            return _one(connection, sweep)

    def finish(
        self, sweep: str, status: Status, *, result: dict[str, Any] | None = None, error: str | None = None
    ) -> None:
        """End a sweep; one that has ended stays as it is."""
        values = {
            "status": status,
            "result": result,
            "error": error,
            "control_request": None,
            "finished": DatabaseClock(),
        }
        with self.database.begin() as connection:
            connection.execute(
                update(sweeps).where(sweeps.c.id == sweep, sweeps.c.status == Status.RUNNING).values(**values)
            )

    def _select(self, *where: Any, limit: int | None = None) -> list[Sweep]:
        with self.database.read() as connection:
            return _found(connection, *where, limit=limit)


def _found(connection: Connection, *where: Any, limit: int | None = None) -> list[Sweep]:
    ended = select(func.count()).where(jobs.c.sweep == sweeps.c.id, jobs.c.status.in_(TERMINAL)).scalar_subquery()
    query = select(sweeps, ended.label("ended")).where(*where).order_by(sweeps.c.number.desc()).limit(limit)
    return [Sweep.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def _one(connection: Connection, sweep: str) -> Sweep:
    found = _found(connection, sweeps.c.id == sweep)
    if not found:
        raise NotFound(f"there is no sweep {sweep!r}")
    return found[0]
