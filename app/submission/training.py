"""Asking for a training: everything that is cheap to check is checked before the job is queued."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.datasets.datasets import Datasets
from app.datasets.uploads import RequestFiles
from app.errors import InvalidRequest, invalid_parameter
from app.families.contract import Family, Hyperparameters
from app.jobs.job import Format, Job, NewJob, Promote
from app.jobs.journal import Journal
from app.logging import log, request_id
from app.store.model_store import ModelStore
from app.tracing import traceparent
from app.versions.names import check_free, check_name


def submit(
    family: Family,
    requested: dict[str, Any],
    promote: Promote,
    priority: int = 0,
    *,
    model: str | None = None,
    formats: Sequence[Format] = (),
    store: ModelStore,
    journal: Journal,
    datasets: Datasets,
    max_queued: int,
    max_models: int,
    idempotency_key: str | None = None,
    idempotency_body: str | None = None,
    trial: tuple[str, int] | None = None,
    uploaded_file: Path | None = None,
) -> list[Job]:
    """Queue what is asked of `family`, all of it or nothing; returns the jobs, usually one, in order.

    `model` is the name of the model that is trained; by default the family says which. `idempotency_body` is a digest
    of what the key stands for. `trial` is a sweep and the number of its trial that this is. `uploaded_file` is a file
    that came with the request, which the hyperparameters name by `Datasets.name_of`: it is kept only if something is
    queued.

    Raises InvalidRequest for hyperparameters or a name that do not fit, MissingData for data that is not to be had,
    Conflict for the name of another family's model, and Busy when the queue is full.
    """
    hyperparameters = parse_hyperparameters(family, requested)
    if model is not None:
        check_name(model, family)
    known = {"request": request_id.get(), "trace": traceparent()}
    shared = {
        "family": family.name,
        "promote": promote,
        "priority": priority,
        "formats": tuple(formats),
        "sweep": trial and trial[0],
        "trial": trial and trial[1],
        "idempotency_body": idempotency_body,
        "origin": {name: value for name, value in known.items() if value},
    }
    with RequestFiles(datasets, journal.database) as files:
        if uploaded_file:
            files.adopt(uploaded_file)
        ones = family.jobs(hyperparameters, files.keep)
        models = models_of(family, ones, model)
        datasets.check([file for one in ones for file in family.files(one)])
        news = [
            NewJob(
                model=name,
                hyperparameters=one.model_dump(mode="json", exclude_unset=True),
                idempotency_key=_numbered(idempotency_key, number),
                **shared,
            )
            for number, (one, name) in enumerate(zip(ones, models, strict=True), start=1)
        ]

        def check() -> None:
            files.check()
            for name in models:
                check_free(store, name, family, max_models)

        submitted = journal.submit_all(news, max_queued, check)
    for job, is_new in submitted:
        log.info("job queued" if is_new else "job asked for again", job=job.id, model=job.model)
    return [job for job, _ in submitted]


def models_of(family: Family, ones: Sequence[Any], name: str | None) -> list[str]:
    """The model of each job; raises InvalidRequest when one name is given for the models of several."""
    if name is None:
        return [family.model(one) for one in ones]
    if len(ones) > 1:
        several = ", ".join(family.model(one) for one in ones)
        raise invalid_parameter(
            "model", f"one name for several models ({several}): ask for each by itself, or leave it out"
        )
    return [name]


def parse_hyperparameters(family: Family, hyperparameters: dict[str, Any]) -> Hyperparameters:
    """The family's hyperparameters with these wishes; raises InvalidRequest with what does not fit."""
    try:
        return family.hyperparameters.model_validate(hyperparameters)
    except ValidationError as fault:
        raise InvalidRequest.of("invalid hyperparameters", fault) from fault


def _numbered(key: str | None, number: int) -> str | None:
    """The key of one of the jobs that a request asks for; of the first, the request's own."""
    return key if key is None or number == 1 else f"{key}\n{number}"  # no header holds a line's end
