"""Asking for a training: everything that is cheap to check is checked before the job is queued."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from app.errors import InvalidRequest
from app.families.contract import Family
from app.jobs.job import Format, Job, NewJob, Promote
from app.jobs.journal import Journal
from app.training.datasets import Datasets


def submit(
    family: Family,
    wishes: dict[str, Any],
    promote: Promote,
    priority: int = 0,
    *,
    formats: Sequence[Format] = (),
    journal: Journal,
    datasets: Datasets,
    max_queued: int,
    idempotency_key: str | None = None,
) -> list[Job]:
    """Queue what is asked of `family`, all of it or nothing; returns the jobs, usually one, in order.

    Raises InvalidRequest for hyperparameters that do not fit, MissingData for data that is not to be had, and Busy
    when the queue is full.
    """
    try:
        hyperparameters = family.hyperparameters.model_validate(wishes)
    except ValidationError as fault:
        details = fault.errors(include_url=False, include_context=False)
        raise InvalidRequest("these hyperparameters do not fit", details) from fault
    news = []
    for number, one in enumerate(family.jobs(hyperparameters, datasets.keep), start=1):
        datasets.check(family.files(one))
        new = NewJob(
            family=family.name,
            model=family.model(one),
            hyperparameters=one.model_dump(mode="json", exclude_unset=True),
            promote=promote,
            priority=priority,
            formats=tuple(formats),
            idempotency_key=_numbered(idempotency_key, number),
        )
        news.append(new)
    return [job for job, _ in journal.submit_all(news, max_queued)]


def _numbered(key: str | None, number: int) -> str | None:
    """The key of one of the jobs that a request asks for; of the first, the request's own."""
    return key if key is None or number == 1 else f"{key}\n{number}"  # no header holds a line's end
