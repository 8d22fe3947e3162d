"""The journal: jobs and their events in a database, where a kill loses nothing and every step is one statement."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, or_, select, update

from app.errors import Busy, FitserveError, InvalidRequest, NotFound
from app.jobs.database import QUEUE, Database
from app.jobs.job import ControlRequest, Event, Job, NewJob, Status
from app.jobs.leader_lease import is_leader
from app.jobs.tables import (
    Conditions,
    DatabaseClock,
    events,
    fenced,
    job_of,
    jobs,
    row_of,
    running,
    update_job,
    write_event,
)
from app.jobs.usage import check_family

CONNECTIONS = 10


class LostLease(FitserveError):
    """The job was taken away from this attempt: given to another, cancelled or ended."""


class Journal:
    """One database of jobs, shared by web, trainers and command line; every time in it is by the database's clock.

    Any method raises Unavailable while the database is away.
    """

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        self.database = Database(url, connections)

    def open(self) -> "Journal":
        """Connect, and bring the tables up to date; raises InvalidRequest for a URL that cannot be one."""
        self.database.open()
        return self

    def close(self) -> None:
        """Disconnect."""
        self.database.close()

    # ---- asking for jobs

    def submit(self, new: NewJob, max_queued: int) -> tuple[Job, bool]:
        """Queue a job; returns it and whether it is new (an idempotency key seen before gives the first job).

        Raises Busy when `max_queued` jobs wait already, and InvalidRequest for a key that came with another body.
        """
        return self.submit_all([new], max_queued)[0]

    def submit_all(
        self, news: Sequence[NewJob], max_queued: int, check: Callable[[], None] = lambda: None
    ) -> list[tuple[Job, bool]]:
        """As `submit`, for jobs that are all queued or, when there is no room for the last of them, none.

        `check` may raise; it is called while nobody else queues anything. Raises Conflict for the model of a job or a
        sweep of another family that has not ended.
        """
        with self.database.begin(QUEUE) as connection:
            if known := _by_keys(connection, news):
                return [(job, False) for job in known]
            check()
            for new in news:
                check_family(connection, new.model, new.family)
            return [(_insert(connection, new, max_queued), True) for new in news]

    def get(self, job: str) -> Job:
        """One job; raises NotFound."""
        with self.database.read() as connection:
            return _one(connection, job)

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

    def counts(self) -> dict[Status, int]:
        """How many jobs there are in each state; states without a job are 0."""
        query = select(jobs.c.status, func.count()).group_by(jobs.c.status)
        with self.database.read() as connection:
            found: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
        return {status: found.get(status, 0) for status in Status}

    def newest_events(self, of: Sequence[str]) -> dict[str, int]:
        """The id of the newest event of each of these jobs."""
        newest = select(func.max(events.c.id)).where(events.c.job == jobs.c.id).scalar_subquery()  # a look at the index
        with self.database.read() as connection:
            found = connection.execute(select(jobs.c.id, newest).where(jobs.c.id.in_(of)))
            return {row[0]: row[1] for row in found}

    def events(self, job: str, after: int = 0, limit: int = 1000, kinds: Sequence[str] = ()) -> Sequence[Event]:
        """The events of a job with an id above `after`, of these kinds or of all, in order."""
        query = select(events).where(events.c.job == job, events.c.id > after).order_by(events.c.id).limit(limit)
        if kinds:
            query = query.where(events.c.kind.in_(kinds))
        with self.database.read() as connection:
            return [Event.model_validate(dict(row)) for row in connection.execute(query).mappings()]

    def stop_early(self, job: str) -> Job:
        """Ask a job to publish the best of its epochs so far; one that has none is cancelled."""
        begun = jobs.c.id == job, jobs.c.status == Status.PAUSED
        unrequested = or_(jobs.c.control_request.is_(None), jobs.c.control_request == ControlRequest.PAUSE)
        requested = {"control_request": ControlRequest.STOP_EARLY}
        with self.database.begin() as connection:
            update_job(connection, job, begun, "queued", {"reason": "to stop early"}, status=Status.QUEUED, **requested)
            connection.execute(update(jobs).where(*running(job), unrequested).values(**requested))
            seen = _one(connection, job)
            return _cancel(connection, job) if seen.status is Status.QUEUED and not seen.control_request else seen

    def cancel(self, job: str, reason: str | None = None) -> Job:
        """Ask for the end of a job: at once when it waits, soon when it runs, nothing when it has ended."""
        with self.database.begin() as connection:
            return _cancel(connection, job, reason)

    def pause(self, job: str) -> Job:
        """Ask a job to wait: at once when it is queued, soon when it runs, nothing when it has ended or is to end."""
        queued = jobs.c.id == job, jobs.c.status == Status.QUEUED
        with self.database.begin() as connection:
            update_job(connection, job, queued, "paused", {}, status=Status.PAUSED)
            connection.execute(
                update(jobs)
                .where(*running(job), jobs.c.control_request.is_(None))
                .values(control_request=ControlRequest.PAUSE)
            )
            return _one(connection, job)

    def resume(self, job: str) -> Job:
        """Queue a paused job again, or take the wish to pause back; nothing to any other."""
        paused = jobs.c.id == job, jobs.c.status == Status.PAUSED
        with self.database.begin() as connection:
            update_job(connection, job, paused, "queued", {"reason": "resumed"}, status=Status.QUEUED)
            connection.execute(
                update(jobs)
                .where(*running(job), jobs.c.control_request == ControlRequest.PAUSE)
                .values(control_request=None)
            )
            return _one(connection, job)

    # ---- working on jobs

    def claim(
        self, lease_seconds: float, job: str | None = None, *, room: int | None = None, leader: str | None = None
    ) -> Job | None:
        """Take the oldest waiting job of the highest priority (or this one, if it waits) for a new attempt.

        None is taken while as many run as there is `room` for, nor for a `leader` who does not lead any more.
        """
        values = {
            "status": Status.RUNNING,
            "attempts": jobs.c.attempts + 1,
            "started": func.coalesce(jobs.c.started, DatabaseClock()),
            "lease_until": DatabaseClock(lease_seconds),
            "lease_seconds": lease_seconds,
        }
        where = [jobs.c.number == _next(job), jobs.c.status == Status.QUEUED]
        if room is not None:
            others = jobs.alias()
            count = select(func.count()).select_from(others).where(others.c.status == Status.RUNNING)
            where.append(count.scalar_subquery() < room)
        if leader is not None:
            where.append(is_leader(leader))
        with self.database.begin(QUEUE) as connection:
            row = connection.execute(update(jobs).where(*where).values(**values).returning(jobs)).mappings().first()
            if row is None:
                return None
            claimed = job_of(row)
            write_event(connection, claimed.id, "started", {"attempt": claimed.attempts})
        return claimed

    def report(self, job: Job, lease_seconds: float, kind: str | None = None, **facts: Any) -> ControlRequest | None:
        """Keep the lease, note columns of the job in `facts`, and write an event of `kind` if one is named.

        Returns what somebody asked of the job. Raises LostLease when the job is no longer this attempt's.
        """
        values = {name: value for name, value in facts.items() if name in jobs.c}
        values |= {"lease_until": DatabaseClock(lease_seconds), "lease_seconds": lease_seconds}
        with self.database.begin_unsynced() as connection:
            found = connection.execute(
                update(jobs).where(*fenced(job)).values(**values).returning(jobs.c.control_request)
            ).first()
            if found is None:
                raise LostLease(f"attempt {job.attempts} no longer holds job {job.id}")
            if kind:
                write_event(connection, job.id, kind, facts)
        return ControlRequest(found[0]) if found[0] else None

    def finish(
        self,
        job: Job,
        status: Status,
        *,
        result: dict[str, Any] | None = None,
        error: str | None = None,
        lease_expired: bool = False,
    ) -> bool:
        """End an attempt's job; returns False, and changes nothing, when it is no longer this attempt's.

        Here and below, `lease_expired` says that this is done because its lease is over; so it must still be.
        """
        data: dict[str, Any] = {"status": status, "result": result, "error": error}
        values = {
            **data,
            "finished": DatabaseClock(),
            "lease_until": None,
            "eta_seconds": None,
            "control_request": None,
        }
        if status is Status.SUCCEEDED:
            values["progress"] = 1.0
        with self.database.begin() as connection:
            return update_job(connection, job.id, fenced(job, lease_expired=lease_expired), "finished", data, **values)

    def requeue(self, job: Job, reason: str, *, counts: bool = True, lease_expired: bool = False) -> bool:
        """Queue a running job again; an attempt that does not count is not held against it."""
        attempts = jobs.c.attempts if counts else jobs.c.attempts - 1
        return self._release(
            job, fenced(job, lease_expired=lease_expired), reason, status=Status.QUEUED, attempts=attempts
        )

    def mark_paused(self, job: Job, *, lease_expired: bool = False) -> bool:
        """Pause a running job; False when it was taken away, or when meanwhile it is to be cancelled."""
        still = (
            *fenced(job, lease_expired=lease_expired),
            jobs.c.control_request.is_distinct_from(ControlRequest.CANCEL),
        )
        return self._release(
            job, still, "paused", status=Status.PAUSED, attempts=jobs.c.attempts - 1, control_request=None
        )

    def has_work(self) -> bool:
        """Whether any job waits or runs: the one cheap question that an idle service asks."""
        query = select(jobs.c.number).where(jobs.c.status.in_((Status.QUEUED, Status.RUNNING))).limit(1)
        with self.database.read() as connection:
            return connection.execute(query).first() is not None

    def origin(self, job: str) -> dict[str, str]:
        """The request and the trace that a job comes from, as far as they are known."""
        return next((first.data for first in self.events(job, limit=1, kinds=("queued",))), {})

    def forget_progress(self, before: datetime) -> int:
        """Delete the progress events of jobs that ended before a moment; returns how many."""
        old = select(jobs.c.id).where(jobs.c.finished < before)
        with self.database.begin() as connection:
            return connection.execute(delete(events).where(events.c.kind == "progress", events.c.job.in_(old))).rowcount

    def expired(self) -> Sequence[Job]:
        """Running jobs whose trainer has been silent for longer than its lease.

        A lease that ends later than its length allows was taken before the clock was set back: it is cut to its
        length, so that who lives can renew it, and who is dead is found.
        """
        whole = DatabaseClock(jobs.c.lease_seconds)
        late = jobs.c.status == Status.RUNNING, jobs.c.lease_until > whole
        if self._select(select(jobs).where(*late)):
            with self.database.begin() as connection:
                connection.execute(update(jobs).where(*late).values(lease_until=whole))
        return self._select(select(jobs).where(jobs.c.status == Status.RUNNING, jobs.c.lease_until < DatabaseClock()))

    # ---- inside

    def _release(self, job: Job, where: Conditions, reason: str, *, status: Status, **values: Any) -> bool:
        values |= {"status": status, "lease_until": None, "eta_seconds": None}
        with self.database.begin() as connection:
            return update_job(connection, job.id, where, status, {"reason": reason}, **values)

    def _select(self, query: Any) -> list[Job]:
        with self.database.read() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]


def _one(connection: Connection, job: str) -> Job:
    """One job, as this transaction sees it; raises NotFound."""
    row = connection.execute(select(jobs).where(jobs.c.id == job)).mappings().first()
    if row is None:
        raise NotFound(f"there is no job {job!r}")
    return job_of(row)


def _by_keys(connection: Connection, news: Sequence[NewJob]) -> list[Job]:
    """The jobs of these keys, if the first of them was seen before; raises InvalidRequest for another body."""
    keys = [new.idempotency_key for new in news if new.idempotency_key]
    found = connection.execute(select(jobs).where(jobs.c.idempotency_key.in_(keys)).order_by(jobs.c.number))
    known = [job_of(row) for row in found.mappings()] if keys else []
    for job in known:
        check_body(job.idempotency_body, news[0].idempotency_body)
    return known


def check_body(known: str | None, body: str | None) -> None:
    """Raise InvalidRequest unless a key that is known came with the same body, as far as one was told."""
    if known and body and known != body:
        raise InvalidRequest("this Idempotency-Key was already used with another body; use a new key for a new request")


def _cancel(connection: Connection, job: str, reason: str | None = None) -> Job:
    waiting = jobs.c.id == job, jobs.c.status.in_((Status.QUEUED, Status.PAUSED))
    ended = {"status": Status.CANCELLED, "finished": DatabaseClock(), "control_request": None}
    update_job(connection, job, waiting, "finished", {"status": Status.CANCELLED}, **ended)
    asked = connection.execute(update(jobs).where(*running(job)).values(control_request=ControlRequest.CANCEL)).rowcount
    if asked and reason:
        write_event(connection, job, "stopped", {"text": reason})
    return _one(connection, job)


def _insert(connection: Connection, new: NewJob, max_queued: int) -> Job:
    """Queue one job if there is room."""
    row = row_of(new)
    waiting = select(func.count()).select_from(jobs).where(jobs.c.status == Status.QUEUED).scalar_subquery()
    values = [literal(value, jobs.c[name].type) for name, value in row.items()]
    queued = insert(jobs).from_select([*row, "created"], select(*values, DatabaseClock()).where(waiting < max_queued))
    found = connection.execute(queued.returning(jobs)).mappings().first()
    if found is None:
        raise Busy(f"{max_queued} jobs are already queued; try again when one has started", retry_after=30)
    write_event(connection, row["id"], "queued", new.origin)
    return job_of(found)


def _next(job: str | None) -> Any:
    """The number of the job to claim; on PostgreSQL one that nobody is changing at this moment."""
    waiting = jobs.alias()
    query = select(waiting.c.number).where(waiting.c.status == Status.QUEUED)
    query = query.where(waiting.c.id == job) if job else query.order_by(waiting.c.priority.desc(), waiting.c.number)
    return query.limit(1).with_for_update(skip_locked=True).scalar_subquery()
