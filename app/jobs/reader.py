"""Reading the journal: jobs and their events."""

from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import Connection, func, select

from app.errors import NotFound
from app.jobs.database import Database
from app.jobs.job import Event, Job, Status
from app.jobs.tables import events, job_of, jobs

CONNECTIONS = 10


class JournalReader:
    """The jobs of a journal. Every method raises Unavailable while the database does not work."""

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        self.database = Database(url, connections)

    def open(self) -> Self:
        """Connect, and bring the tables up to date; raises InvalidRequest for a URL that cannot be one."""
        self.database.open()
        return self

    def close(self) -> None:
        """Disconnect."""
        self.database.close()

    def get(self, job: str) -> Job:
        """One job; raises NotFound."""
        with self.database.read() as connection:
            return find_job(connection, job)

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

    def has_work(self) -> bool:
        """Whether any job waits or runs: the one cheap question that an idle service asks."""
        query = select(jobs.c.number).where(jobs.c.status.in_((Status.QUEUED, Status.RUNNING))).limit(1)
        with self.database.read() as connection:
            return connection.execute(query).first() is not None

    def origin(self, job: str) -> dict[str, str]:
        """The request and the trace that a job comes from, as far as they are known."""
        return next((first.data for first in self.events(job, limit=1, kinds=("queued",))), {})

    def _select(self, query: Any) -> list[Job]:
        with self.database.read() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]


def find_job(connection: Connection, job: str) -> Job:
    """One job, as this transaction sees it; raises NotFound."""
    row = connection.execute(select(jobs).where(jobs.c.id == job)).mappings().first()
    if row is None:
        raise NotFound(f"there is no job {job!r}")
    return job_of(row)
