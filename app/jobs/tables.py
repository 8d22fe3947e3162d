"""The tables of the journal and their rows; `migrations/` brings an older database to this shape."""

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    literal,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.jobs.job import Job, NewJob, Status

SUPERVISOR = "supervisor"  # the one lease that processes hold, not attempts


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its time zone, also on SQLite, which keeps none: stored as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        moment: datetime | None = value
        if moment is None:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class SafeText(TypeDecorator[str]):
    """Text, without what PostgreSQL or UTF-8 cannot hold: NUL and halves of pairs become signs of their own."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return value and value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


class DatabaseClock(FunctionElement[datetime]):
    """The moment so many seconds from now, by the database's clock: those of the machines around it may differ.

    The seconds are a number, or a column.
    """

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, seconds: float | ColumnElement[float] = 0.0) -> None:
        super().__init__(seconds if isinstance(seconds, ColumnElement) else literal(seconds, Float))


@compiles(DatabaseClock, "sqlite")
def _on_sqlite(element: DatabaseClock, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', printf('%+.3f seconds', {seconds}))"


@compiles(DatabaseClock, "postgresql")
def _on_postgresql(element: DatabaseClock, compiler: Any, **options: Any) -> str:
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **options)}))"


Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts to 2**63 anyway, but only an Integer by itself

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", SafeText(32), nullable=False, unique=True),
    Column("family", SafeText(64), nullable=False),
    Column("model", SafeText(64), nullable=False),
    Column("hyperparameters", JSON, nullable=False),
    Column("promote", String(16), nullable=False),
    Column("idempotency_key", SafeText(255), unique=True),
    Column("idempotency_body", String(64)),
    Column("status", String(16), nullable=False),
    Column("control_request", String(16)),
    Column("priority", Integer, nullable=False, default=0),
    Column("formats", JSON, nullable=False, default=list),
    Column("sweep", SafeText(32)),
    Column("trial", Integer),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lease_until", UtcDateTime),
    Column("lease_seconds", Float),
    Column("progress", Float, nullable=False, default=0.0),
    Column("phase", SafeText(64)),
    Column("epoch", Integer),
    Column("epochs", Integer),
    Column("eta_seconds", Float),
    Column("metrics", JSON, nullable=False, default=dict),
    Column("result", JSON),
    Column("error", SafeText),
    Column("created", UtcDateTime, nullable=False),
    Column("started", UtcDateTime),
    Column("finished", UtcDateTime),
    Index("jobs_by_status", "status", "number"),
    Index("jobs_by_sweep", "sweep", "trial"),
)

events = Table(
    "events",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("job", SafeText(32), ForeignKey("jobs.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("time", UtcDateTime, nullable=False),
    Column("data", JSON, nullable=False),
    Index("events_by_job", "job", "id"),
    sqlite_autoincrement=True,
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", SafeText(32), nullable=False, unique=True),
    Column("family", SafeText(64), nullable=False),
    Column("model", SafeText(64), nullable=False),
    Column("space", JSON, nullable=False),
    Column("hyperparameters", JSON, nullable=False),
    Column("metric", String(32), nullable=False),
    Column("trials", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("stop_bad", Boolean, nullable=False),
    Column("promote", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("idempotency_key", SafeText(255), unique=True),
    Column("idempotency_body", String(64)),
    Column("status", String(16), nullable=False),
    Column("control_request", String(16)),
    Column("result", JSON),
    Column("error", SafeText),
    Column("created", UtcDateTime, nullable=False),
    Column("finished", UtcDateTime),
    Index("sweeps_by_status", "status"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", SafeText(128)),
    Column("until", UtcDateTime),
    Column("seconds", Float),
)

Conditions = tuple[ColumnElement[bool], ...]


def running(job: str) -> Conditions:
    """Some trainer holds it."""
    return jobs.c.id == job, jobs.c.status == Status.RUNNING


def fenced(job: Job, *, lease_expired: bool = False) -> Conditions:
    """Still this attempt's: the fence that keeps two trainers from writing to one job; `lease_expired`: its lease is
    over.
    """
    still = *running(job.id), jobs.c.attempts == job.attempts
    return (*still, jobs.c.lease_until < DatabaseClock()) if lease_expired else still


def update_job(
    connection: Connection, job: str, where: Conditions, kind: str, data: dict[str, Any], **values: Any
) -> bool:
    """Change a job's row where it is as expected, and write an event; returns False when it is not."""
    done: bool = connection.execute(update(jobs).where(*where).values(**values)).rowcount == 1
    if done:
        write_event(connection, job, kind, data)
    return done


def write_event(connection: Connection, job: str, kind: str, data: dict[str, Any]) -> None:
    """Write an event of a job whose row this transaction has changed.

    The row is locked from then on, so that the events of one job come to be seen in the order of their ids, whoever
    writes them. Those of different jobs need not, on PostgreSQL.
    """
    connection.execute(insert(events).values(job=job, kind=kind, time=DatabaseClock(), data=data))


def row_of(new: NewJob) -> dict[str, Any]:
    """The row of a job that is asked for now."""
    return {
        **new.model_dump(),
        "idempotency_key": new.idempotency_key,
        "idempotency_body": new.idempotency_body,
        "id": secrets.token_hex(6),
        "status": Status.QUEUED.value,
        "attempts": 0,
        "progress": 0.0,
        "metrics": {},
    }


def job_of(row: Any) -> Job:
    """A job from its row."""
    return Job.model_validate({name: value for name, value in row.items() if name in Job.model_fields})
