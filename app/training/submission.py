"""Asking for a training: everything that is cheap to check is checked before the job is queued."""

from typing import Any

from pydantic import ValidationError

from app.errors import InvalidRequest
from app.families.contract import Family
from app.jobs.job import Job, NewJob, Promote
from app.jobs.journal import Journal
from app.training.datasets import Datasets


def submit(
    family: Family,
    wishes: dict[str, Any],
    promote: Promote,
    priority: int = 0,
    *,
    journal: Journal,
    datasets: Datasets,
    max_queued: int,
    idempotency_key: str | None = None,
) -> tuple[Job, bool]:
    """Queue a training of `family`; returns the job and whether it is new.

    Raises InvalidRequest for hyperparameters that do not fit, MissingData for data that is not to be had, and Busy
    when the queue is full.
    """
    try:
        hyperparameters = family.hyperparameters.model_validate(wishes)
    except ValidationError as fault:
        details = fault.errors(include_url=False, include_context=False)
        raise InvalidRequest("these hyperparameters do not fit", details) from fault
    datasets.check(family.files(hyperparameters))
    new = NewJob(
        family=family.name,
        model=family.model(hyperparameters),
        hyperparameters=hyperparameters.model_dump(mode="json", exclude_unset=True),
        promote=promote,
        priority=priority,
        idempotency_key=idempotency_key,
    )
    return journal.submit(new, max_queued)
