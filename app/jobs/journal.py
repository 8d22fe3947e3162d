"""The journal: jobs and their events in a database, where a kill loses nothing and every step is one statement."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    literal,
    make_url,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import IntegrityError, OperationalError

from app.errors import Busy, FitserveError, NotFound, Unavailable
from app.jobs.job import Event, Job, NewJob, Status, Wish, now
from app.jobs.tables import events, jobs

HEAD = "0003"  # the newest migration; a test compares it with the folder
BUSY_TIMEOUT_SECONDS = 15


class LostLease(FitserveError):
    """The job was taken away from this attempt: given to another, cancelled or ended."""


class Journal:
    """One database of jobs, shared by web, trainers and command line."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._engine: Engine | None = None

    def open(self) -> "Journal":
        """Connect, and bring the tables up to date; raises Unavailable."""
        if self.url.database and self.url.get_backend_name() == "sqlite" and "uri" not in self.url.query:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = _engine(self.url.render_as_string(hide_password=False))
        if not self._up_to_date():
            from app.jobs.migrate import upgrade  # noqa: PLC0415  Alembic takes a third of a second to import

            self._keep_copy()
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

    def latest(self, limit: int = 50, before: str | None = None, **facts: str | None) -> list[Job]:
        """Jobs, newest first: those with these facts (columns), and older than the job `before`."""
        query = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
        query = query.where(*(jobs.c[name] == value for name, value in facts.items() if value is not None))
        if before:
            number = select(jobs.c.number).where(jobs.c.id == self.get(before).id).scalar_subquery()
            query = query.where(jobs.c.number < number)
        return self._select(query)

    def running(self) -> Sequence[Job]:
        """The jobs that some trainer holds."""
        return self._select(select(jobs).where(jobs.c.status == Status.RUNNING))

    def unfinished(self) -> dict[str, int]:
        """How many jobs there are in each state that is not an end; states without a job are 0."""
        query = select(jobs.c.status, func.count()).group_by(jobs.c.status)
        with self._read() as connection:
            found: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
        return {str(status): found.get(status, 0) for status in Status if not status.terminal}

    def newest_event(self) -> int:
        """The id of the newest event of any job; 0 when there is none."""
        with self._read() as connection:
            return connection.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one()  # type: ignore[no-any-return]

    def events(self, job: str, after: int = 0, limit: int = 1000, kinds: Sequence[str] = ()) -> Sequence[Event]:
        """The events of a job with an id above `after`, of these kinds or of all, in order."""
        query = select(events).where(events.c.job == job, events.c.id > after).order_by(events.c.id).limit(limit)
        if kinds:
            query = query.where(events.c.kind.in_(kinds))
        with self._read() as connection:
            return [Event.model_validate(dict(row)) for row in connection.execute(query).mappings()]

    def stop_early(self, job: str) -> Job:
        """Ask a job to publish the best of its epochs so far; one that has none is cancelled."""
        begun = jobs.c.id == job, jobs.c.status == Status.PAUSED
        with self._begin() as connection:
            wished = {"wish": Wish.STOP_EARLY}
            if connection.execute(update(jobs).where(*begun).values(status=Status.QUEUED, **wished)).rowcount:
                self._event(connection, job, "queued", {"reason": "to stop early"})
            unwished = or_(jobs.c.wish.is_(None), jobs.c.wish == Wish.PAUSE)
            connection.execute(update(jobs).where(*_running(job), unwished).values(**wished))
        seen = self.get(job)
        return self.cancel(job) if seen.status is Status.QUEUED and not seen.wish else seen

    def cancel(self, job: str) -> Job:
        """Ask for the end of a job: at once when it waits, soon when it runs, nothing when it has ended."""
        waiting = jobs.c.id == job, jobs.c.status.in_((Status.QUEUED, Status.PAUSED))
        with self._begin() as connection:
            ended = update(jobs).where(*waiting).values(status=Status.CANCELLED, finished=now(), wish=None)
            if connection.execute(ended).rowcount:
                self._event(connection, job, "finished", {"status": Status.CANCELLED})
            connection.execute(update(jobs).where(*_running(job)).values(wish=Wish.CANCEL))
        return self.get(job)

    def pause(self, job: str) -> Job:
        """Ask a job to wait: at once when it is queued, soon when it runs, nothing when it has ended or is to end."""
        queued = jobs.c.id == job, jobs.c.status == Status.QUEUED
        with self._begin() as connection:
            if connection.execute(update(jobs).where(*queued).values(status=Status.PAUSED)).rowcount:
                self._event(connection, job, "paused", {})
            connection.execute(update(jobs).where(*_running(job), jobs.c.wish.is_(None)).values(wish=Wish.PAUSE))
        return self.get(job)

    def resume(self, job: str) -> Job:
        """Queue a paused job again, or take the wish to pause back; nothing to any other."""
        paused = jobs.c.id == job, jobs.c.status == Status.PAUSED
        with self._begin() as connection:
            if connection.execute(update(jobs).where(*paused).values(status=Status.QUEUED)).rowcount:
                self._event(connection, job, "queued", {"reason": "resumed"})
            connection.execute(update(jobs).where(*_running(job), jobs.c.wish == Wish.PAUSE).values(wish=None))
        return self.get(job)

    # ---- working on jobs

    def claim(self, lease_seconds: float, job: str | None = None) -> Job | None:
        """Take the oldest waiting job of the highest priority (or this one, if it waits) for a new attempt."""
        query = select(jobs.c.number).where(jobs.c.status == Status.QUEUED)
        query = query.where(jobs.c.id == job) if job else query.order_by(jobs.c.priority.desc(), jobs.c.number)
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

    def report(self, job: Job, lease_seconds: float, kind: str | None = None, **facts: Any) -> Wish | None:
        """Keep the lease, note columns of the job in `facts`, and write an event of `kind` if one is named.

        Returns what somebody asked of the job. Raises LostLease when the job is no longer this attempt's.
        """
        columns = {name: value for name, value in facts.items() if name in jobs.c}
        lease = now() + timedelta(seconds=lease_seconds)
        with self._begin() as connection:
            held = connection.execute(
                update(jobs).where(*_held(job)).values(lease_until=lease, **columns).returning(jobs.c.wish)
            ).first()
            if held is None:
                raise LostLease(f"attempt {job.attempts} no longer holds job {job.id}")
            if kind:
                self._event(connection, job.id, kind, facts)
        return Wish(held[0]) if held[0] else None

    def finish(
        self, job: Job, status: Status, *, result: dict[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """End an attempt's job; returns False, and changes nothing, when it is no longer this attempt's."""
        values: dict[str, Any] = {"status": status, "finished": now(), "lease_until": None, "eta_seconds": None}
        values |= {"result": result, "error": error, "wish": None}
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
        return self._let_go(job, _held(job), reason, status=Status.QUEUED, attempts=attempts)

    def set_aside(self, job: Job) -> bool:
        """Pause a running job; False when it was taken away, or when meanwhile it is to be cancelled."""
        still = *_held(job), jobs.c.wish.is_distinct_from(Wish.CANCEL)
        return self._let_go(job, still, "paused", status=Status.PAUSED, attempts=jobs.c.attempts - 1, wish=None)

    def _let_go(self, job: Job, where: tuple[Any, ...], reason: str, *, status: Status, **values: Any) -> bool:
        values |= {"status": status, "lease_until": None, "eta_seconds": None}
        with self._begin() as connection:
            done: bool = connection.execute(update(jobs).where(*where).values(**values)).rowcount == 1
            if done:
                self._event(connection, job.id, status, {"reason": reason})
        return done

    def has_work(self) -> bool:
        """Whether any job waits or runs: the one cheap question that an idle service asks."""
        query = select(jobs.c.number).where(jobs.c.status.in_((Status.QUEUED, Status.RUNNING))).limit(1)
        with self._read() as connection:
            return connection.execute(query).first() is not None

    def forget_progress(self, before: datetime) -> int:
        """Delete the progress events of jobs that ended before a moment; returns how many."""
        old = select(jobs.c.id).where(jobs.c.finished < before)
        with self._begin() as connection:
            gone = delete(events).where(events.c.kind == "progress", events.c.job.in_(old))
            return connection.execute(gone).rowcount  # type: ignore[no-any-return]

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

    def _keep_copy(self) -> None:
        """A copy of an older SQLite journal beside it, named by its revision, before it is changed."""
        with self._read() as connection:
            if self.url.get_backend_name() != "sqlite" or not inspect(connection).has_table("alembic_version"):
                return
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            copy = Path(f"{self.url.database}.{revision}")
            if not copy.exists():
                connection.execute(text("VACUUM INTO :copy"), {"copy": str(copy)})

    def _begin(self) -> Any:
        return self._opened.begin()

    def _read(self) -> Any:
        return self._opened.execution_options(isolation_level="AUTOCOMMIT").connect()

    @property
    def _opened(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the journal is not open")
        return self._engine


def _running(job: str) -> tuple[Any, ...]:
    return jobs.c.id == job, jobs.c.status == Status.RUNNING


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
        "attempts": 0,
        "progress": 0.0,
        "metrics": {},
        "created": now(),
    }


def _job(row: Any) -> Job:
    return Job.model_validate({name: value for name, value in row.items() if name in Job.model_fields})


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    event.listen(engine, "handle_error", _explain)
    if engine.dialect.name == "sqlite":
        _make_sqlite_transactional(engine)
    return engine


def _explain(context: ExceptionContext) -> None:
    """A database that is locked, read-only, full or away is no fault of the program."""
    if isinstance(context.sqlalchemy_exception, OperationalError):
        raise Unavailable(f"the journal does not work now: {context.original_exception}")


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
