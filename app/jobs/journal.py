"""The journal: jobs and their events in a database, where a kill loses nothing and every step is one statement."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    func,
    insert,
    inspect,
    literal,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from app.errors import Busy, FitserveError, NotFound
from app.jobs.job import Event, Job, NewJob, Status, now
from app.jobs.tables import events, jobs

HEAD = "0001"  # the newest migration; a test compares it with the folder
BUSY_TIMEOUT_SECONDS = 15


class LostLease(FitserveError):
    """The job was taken away from this attempt: given to another, cancelled or ended."""


class Journal:
    """One database of jobs, shared by web, trainers and command line."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._engine: Engine | None = None

    def open(self) -> "Journal":
        """Connect, and bring the tables up to date."""
        if self.url.database and self.url.get_backend_name() == "sqlite":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = _engine(self.url.render_as_string(hide_password=False))
        if not self._up_to_date():
            from app.jobs.migrate import upgrade  # noqa: PLC0415  Alembic takes a third of a second to import

            with self._begin() as connection:
                upgrade(connection)
        return self

    def close(self) -> None:
        """Disconnect."""
        if self._engine:
            self._engine.dispose()
            self._engine = None

    # ---- asking for jobs

    def submit(self, new: NewJob, max_queued: int) -> tuple[Job, bool]:
        """Queue a job; returns it and whether it is new (an idempotency key seen before gives the first job).

        Raises Busy when `max_queued` jobs wait already.
        """
        return self.submit_all([new], max_queued)[0]

    def submit_all(self, news: Sequence[NewJob], max_queued: int) -> list[tuple[Job, bool]]:
        """As `submit`, for jobs that are all queued or, when there is no room for the last of them, none."""
        if known := self._by_keys(news):
            return known
        rows = [_row(new) for new in news]
        try:
            with self._begin() as connection:
                for row in rows:
                    self._insert(connection, row, max_queued)
        except IntegrityError:  # the same key arrived twice at the same moment
            if known := self._by_keys(news):
                return known
            raise
        return [(self.get(row["id"]), True) for row in rows]

    def get(self, job: str) -> Job:
        """One job; raises NotFound."""
        found = self._select(select(jobs).where(jobs.c.id == job))
        if not found:
            raise NotFound(f"there is no job {job!r}")
        return found[0]

    def latest(self, status: Status | None = None, family: str | None = None, limit: int = 50) -> list[Job]:
        """Jobs, newest first."""
        query = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
        if status:
            query = query.where(jobs.c.status == status)
        if family:
            query = query.where(jobs.c.family == family)
        return self._select(query)

    def running(self) -> Sequence[Job]:
        """The jobs that some trainer holds."""
        return self._select(select(jobs).where(jobs.c.status == Status.RUNNING))

    def events(self, job: str, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events of a job with an id above `after`, in order."""
        query = select(events).where(events.c.job == job, events.c.id > after).order_by(events.c.id).limit(limit)
        with self._read() as connection:
            return [Event.model_validate(dict(row)) for row in connection.execute(query).mappings()]

    def cancel(self, job: str) -> Job:
        """Ask for the end of a job: at once when it waits, soon when it runs, nothing when it has ended."""
        waiting = jobs.c.id == job, jobs.c.status == Status.QUEUED
        running = jobs.c.id == job, jobs.c.status == Status.RUNNING
        with self._begin() as connection:
            ended = update(jobs).where(*waiting).values(status=Status.CANCELLED, finished=now(), cancel_requested=True)
            if connection.execute(ended).rowcount:
                self._event(connection, job, "finished", {"status": Status.CANCELLED})
            connection.execute(update(jobs).where(*running).values(cancel_requested=True))
        return self.get(job)

    # ---- working on jobs

    def claim(self, lease_seconds: float, job: str | None = None) -> Job | None:
        """Take the oldest waiting job (or this one, if it waits) for a new attempt."""
        query = select(jobs.c.number).where(jobs.c.status == Status.QUEUED)
        query = query.where(jobs.c.id == job) if job else query.order_by(jobs.c.number)
        taken = (
            update(jobs)
            .where(jobs.c.number == query.limit(1).scalar_subquery(), jobs.c.status == Status.QUEUED)
            .values(
                status=Status.RUNNING,
                attempts=jobs.c.attempts + 1,
                started=func.coalesce(jobs.c.started, literal(now(), jobs.c.started.type)),
                lease_until=now() + timedelta(seconds=lease_seconds),
            )
            .returning(jobs)
        )
        with self._begin() as connection:
            row = connection.execute(taken).mappings().first()
            if row is None:
                return None
            claimed = _job(row)
            self._event(connection, claimed.id, "started", {"attempt": claimed.attempts})
        return claimed

    def report(self, job: Job, lease_seconds: float, kind: str | None = None, **facts: Any) -> bool:
        """Keep the lease, note columns of the job in `facts`, and write an event of `kind` if one is named.

        Returns whether somebody asked to cancel. Raises LostLease when the job is no longer this attempt's.
        """
        columns = {name: value for name, value in facts.items() if name in jobs.c}
        lease = now() + timedelta(seconds=lease_seconds)
        with self._begin() as connection:
            held = connection.execute(
                update(jobs).where(*_held(job)).values(lease_until=lease, **columns).returning(jobs.c.cancel_requested)
            ).first()
            if held is None:
                raise LostLease(f"attempt {job.attempts} no longer holds job {job.id}")
            if kind:
                self._event(connection, job.id, kind, facts)
        return bool(held[0])

    def finish(
        self, job: Job, status: Status, *, result: dict[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """End an attempt's job; returns False, and changes nothing, when it is no longer this attempt's."""
        values: dict[str, Any] = {"status": status, "finished": now(), "lease_until": None, "eta_seconds": None}
        values |= {"result": result, "error": error}
        if status is Status.SUCCEEDED:
            values["progress"] = 1.0
        with self._begin() as connection:
            done: bool = connection.execute(update(jobs).where(*_held(job)).values(**values)).rowcount == 1
            if done:
                self._event(connection, job.id, "finished", {"status": status, "result": result, "error": error})
        return done

    def give_back(self, job: Job, reason: str, *, counts: bool = True) -> bool:
        """Queue a running job again; an attempt that does not count is not held against it."""
        attempts = jobs.c.attempts if counts else jobs.c.attempts - 1
        values = {"status": Status.QUEUED, "lease_until": None, "eta_seconds": None, "attempts": attempts}
        with self._begin() as connection:
            done: bool = connection.execute(update(jobs).where(*_held(job)).values(**values)).rowcount == 1
            if done:
                self._event(connection, job.id, "queued", {"reason": reason})
        return done

    def has_work(self) -> bool:
        """Whether any job waits or runs: the one cheap question that an idle service asks."""
        query = select(jobs.c.number).where(jobs.c.status.in_((Status.QUEUED, Status.RUNNING))).limit(1)
        with self._read() as connection:
            return connection.execute(query).first() is not None

    def expired(self) -> Sequence[Job]:
        """Running jobs whose trainer has been silent for longer than its lease."""
        return self._select(select(jobs).where(jobs.c.status == Status.RUNNING, jobs.c.lease_until < now()))

    # ---- inside

    def _insert(self, connection: Connection, row: dict[str, Any], max_queued: int) -> None:
        waiting = select(func.count()).select_from(jobs).where(jobs.c.status == Status.QUEUED).scalar_subquery()
        values = select(*(literal(value, jobs.c[name].type) for name, value in row.items())).where(waiting < max_queued)
        if connection.execute(insert(jobs).from_select(list(row), values)).rowcount == 0:
            raise Busy(f"{max_queued} jobs are waiting already; try again when one has ended", retry_after=30)
        self._event(connection, row["id"], "queued", {})

    def _by_keys(self, news: Sequence[NewJob]) -> list[tuple[Job, bool]]:
        """The jobs of these keys, if the first of them was seen before."""
        known = [self._by_key(new.idempotency_key) for new in news]
        return [(job, False) for job in known if job] if known[0] else []

    def _by_key(self, key: str | None) -> Job | None:
        found = self._select(select(jobs).where(jobs.c.idempotency_key == key)) if key else []
        return found[0] if found else None

    def _select(self, query: Any) -> list[Job]:
        with self._read() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]

    def _event(self, connection: Connection, job: str, kind: str, data: dict[str, Any]) -> None:
        connection.execute(insert(events).values(job=job, kind=kind, time=now(), data=data))

    def _up_to_date(self) -> bool:
        with self._read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return False
            revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return revision == HEAD

    def _begin(self) -> Any:
        return self._opened.begin()

    def _read(self) -> Any:
        return self._opened.execution_options(isolation_level="AUTOCOMMIT").connect()

    @property
    def _opened(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the journal is not open")
        return self._engine


def _held(job: Job) -> tuple[Any, ...]:
    """Still this attempt's: the fence that keeps two trainers from writing to one job."""
    return jobs.c.id == job.id, jobs.c.status == Status.RUNNING, jobs.c.attempts == job.attempts


def _row(new: NewJob) -> dict[str, Any]:
    """The row of a job that has just been asked for."""
    return {
        **new.model_dump(),
        "idempotency_key": new.idempotency_key,
        "id": secrets.token_hex(6),
        "status": Status.QUEUED.value,
        "cancel_requested": False,
        "attempts": 0,
        "progress": 0.0,
        "metrics": {},
        "created": now(),
    }


def _job(row: Any) -> Job:
    return Job.model_validate({name: value for name, value in row.items() if name in Job.model_fields})


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        _make_sqlite_transactional(engine)
    return engine


def _make_sqlite_transactional(engine: Engine) -> None:
    """WAL, and transactions that take the write lock when they begin, so that none fails half-way with 'locked'."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
