"""The journal: jobs and their events in a database, where a kill loses nothing and every step is one statement."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, or_, select, update

from app.errors import Busy, FitserveError, InvalidRequest
from app.jobs.database import QUEUE
from app.jobs.job import ControlRequest, Job, NewJob, Status
from app.jobs.leader_lease import is_leader
from app.jobs.reader import JournalReader, find_job
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


class LostLease(FitserveError):
    """The job was taken away from this attempt: given to another, cancelled or ended."""


class Journal(JournalReader):
    """One database of jobs, shared by web, trainers and command line; every time in it is by the database's clock.

    Any method raises Unavailable while the database is away.
    """

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

    def stop_early(self, job: str) -> Job:
        """Ask a job to publish the best of its epochs so far; one that has none is cancelled."""
        begun = jobs.c.id == job, jobs.c.status == Status.PAUSED
        unrequested = or_(jobs.c.control_request.is_(None), jobs.c.control_request == ControlRequest.PAUSE)
        requested = {"control_request": ControlRequest.STOP_EARLY}
        with self.database.begin() as connection:
            update_job(connection, job, begun, "queued", {"reason": "to stop early"}, status=Status.QUEUED, **requested)
            connection.execute(update(jobs).where(*running(job), unrequested).values(**requested))
            seen = find_job(connection, job)
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
            return find_job(connection, job)

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
            return find_job(connection, job)

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
    return find_job(connection, job)


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
