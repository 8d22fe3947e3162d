"""Rows of the journal: a job as a row and back, and the one way to change a row and tell of it."""

import secrets
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, update

from app.jobs.job import Job, NewJob, Status
from app.jobs.tables import Clock, events, jobs

Conditions = tuple[ColumnElement[bool], ...]


def running(job: str) -> Conditions:
    """Some trainer holds it."""
    return jobs.c.id == job, jobs.c.status == Status.RUNNING


def held(job: Job, *, silent: bool = False) -> Conditions:
    """Still this attempt's: the fence that keeps two trainers from writing to one job; `silent`: its lease is over."""
    still = *running(job.id), jobs.c.attempts == job.attempts
    return (*still, jobs.c.lease_until < Clock()) if silent else still


def change(connection: Connection, job: str, where: Conditions, kind: str, data: dict[str, Any], **values: Any) -> bool:
    """Change a job's row where it is as expected, and write an event; returns False when it is not."""
    done: bool = connection.execute(update(jobs).where(*where).values(**values)).rowcount == 1
    if done:
        write(connection, job, kind, data)
    return done


def write(connection: Connection, job: str, kind: str, data: dict[str, Any]) -> None:
    """Write an event of a job whose row this transaction has changed.

    The row is locked from then on, so that the events of one job come to be seen in the order of their ids, whoever
    writes them. Those of different jobs need not, on PostgreSQL.
    """
    connection.execute(insert(events).values(job=job, kind=kind, time=Clock(), data=data))


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
