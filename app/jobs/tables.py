"""The tables of the journal; `migrations/` brings an older database to this shape."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A moment with its time zone, also on SQLite, which keeps none: stored as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        moment: datetime | None = value
        return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("family", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("hyperparameters", JSON, nullable=False),
    Column("promote", String(16), nullable=False),
    Column("idempotency_key", String(255), unique=True),
    Column("status", String(16), nullable=False),
    Column("wish", String(16)),
    Column("priority", Integer, nullable=False, default=0),
    Column("formats", JSON, nullable=False, default=list),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lease_until", Moment),
    Column("progress", Float, nullable=False, default=0.0),
    Column("phase", String(64)),
    Column("epoch", Integer),
    Column("epochs", Integer),
    Column("eta_seconds", Float),
    Column("metrics", JSON, nullable=False, default=dict),
    Column("result", JSON),
    Column("error", String),
    Column("created", Moment, nullable=False),
    Column("started", Moment),
    Column("finished", Moment),
    Index("jobs_by_status", "status", "number"),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("job", String(32), ForeignKey("jobs.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("time", Moment, nullable=False),
    Column("data", JSON, nullable=False),
    Index("events_by_job", "job", "id"),
    sqlite_autoincrement=True,
)
