"""The trials of a sweep as a table: what each tried, how it went, and which is the best."""

import math
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from app.jobs.curves import KINDS, rows_of
from app.jobs.job import Job, Status
from app.jobs.journal import Journal
from app.jobs.sweeps import Sweep, Sweeps

STOPPED = "stopped"  # the event that says why a sweep ended a trial


class Trial(BaseModel):
    """A trial of a sweep."""

    trial: int = Field(description="Trial number, starting at 1.", examples=[3])
    job: str = Field(examples=["3f9c2a7b1d40"])
    status: Status
    control_request: str | None = Field(None, description="Pending control request.")
    hyperparameters: dict[str, Any] = Field(description="Sampled hyperparameters.", examples=[{"learning_rate": 0.004}])
    value: float | None = Field(None, description="The metric in its best epoch so far.", examples=[0.9871])
    epochs: int = Field(0, description="Number of epochs completed.")
    version: int | None = Field(None, description="Published version.")
    reason: str | None = Field(None, description="Why it was stopped, failed or excluded from the best.")
    diverged: bool = Field(False, description="Whether its training diverged; such a trial is never the best.")
    figures: dict[int, float] = Field(default_factory=dict, exclude=True)  # the metric of each epoch, counted from 1


def jobs_of(sweep: Sweep, journal: Journal) -> list[Job]:
    """The jobs of the trials that there are, in the order of their numbers."""
    return sorted(journal.latest(sweep.trials, sweep=sweep.id), key=lambda job: job.trial or 0)


def table(sweep: Sweep, jobs: Sequence[Job], journal: Journal) -> list[Trial]:
    """The trials that these jobs are."""
    events = Sweeps(journal).curves(sweep.id, (*KINDS, STOPPED))
    return [_trial(sweep, job, events.get(job.id, [])) for job in jobs]


def best_of(sweep: Sweep, trials: Sequence[Trial]) -> Trial | None:
    """Of those with a version the one with the best value, the first of several; None while there is none. One that
    diverged is none of them.
    """
    ended = [trial for trial in trials if trial.version is not None and trial.value is not None and not trial.diverged]
    sign = -1 if sweep.higher_is_better else 1
    return min(ended, key=lambda trial: sign * (trial.value or 0.0), default=None)


def _trial(sweep: Sweep, job: Job, events: Sequence[Any]) -> Trial:
    rows = rows_of(events)
    figures = {epoch: row[sweep.metric] for epoch, row in enumerate(rows, start=1) if _finite(row.get(sweep.metric))}
    best = max if sweep.higher_is_better else min
    diverged = (job.result or {}).get("diverged")
    stopped = [event.data["text"] for event in events if event.kind == STOPPED]
    return Trial(
        trial=job.trial or 0,
        job=job.id,
        status=job.status,
        control_request=job.control_request,
        hyperparameters={name: job.hyperparameters.get(name) for name in sweep.space},
        value=best(figures.values(), default=None),
        epochs=len(rows),
        version=job.result["version"] if job.result else None,
        reason=(job.error or "").partition("\n")[0] or diverged or (stopped[-1] if stopped else None),
        diverged=bool(diverged),
        figures=figures,
    )


def _finite(figure: Any) -> bool:
    return isinstance(figure, int | float) and math.isfinite(figure)
