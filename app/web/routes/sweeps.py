"""/sweeps: many trainings that look for the best hyperparameters, as one thing."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import Field

from app.bootstrap import Services
from app.jobs.curves import as_csv
from app.jobs.plots import MEDIA_TYPES, Form
from app.jobs.sweeps import Sweep
from app.settings import Settings
from app.sweeps.picture import trials_picture
from app.sweeps.submission import SweepRequest, submit_sweep
from app.sweeps.trials import Trial, best_of, jobs_of, table
from app.web.dependencies import IdempotencyKey, ServicesDep, idempotency
from app.web.problems import documented
from app.web.requests.json_body.reading import JsonLimits
from app.web.requests.json_body.route import JsonRoute

CHOICES = 5_000  # elements: every dimension with all the choices that it may have


class SweepRoute(JsonRoute):
    """A sweep may hold a text to learn from."""

    @staticmethod
    def json_limits(settings: Settings) -> JsonLimits:
        """As much as a training with a text, and the choices."""
        return JsonLimits(settings.max_body_bytes, CHOICES)


router = APIRouter(prefix="/sweeps", tags=["sweeps"], route_class=SweepRoute)


class SweepTable(Sweep):
    """A sweep with its trials."""

    best: Trial | None = Field(None, description="The best trial that published a version.")
    table: list[Trial] = Field(description="All trials so far.")


@router.post("", status_code=202, operation_id="begin_sweep", responses=documented(409, 413, 422, 429))
def begin(
    services: ServicesDep,
    request: Request,
    response: Response,
    sweep_request: SweepRequest,
    idempotency_key: IdempotencyKey = None,
) -> Sweep:
    """Search for good hyperparameters. Each trial is an ordinary job; poor trials are stopped early."""
    key, body = idempotency(request, idempotency_key, sweep_request.model_dump(mode="json", exclude_unset=True))
    sweep = submit_sweep(
        sweep_request,
        sweeps=services.sweeper.sweeps,
        store=services.store,
        datasets=services.datasets,
        max_models=services.settings.max_models,
        max_trials=services.settings.max_trials,
        max_running=services.settings.max_queued,
        idempotency_key=key,
        idempotency_body=body,
    )
    response.headers["Location"] = f"/sweeps/{sweep.id}"
    return sweep


@router.get("", operation_id="list_sweeps", responses=documented(422))
def list_sweeps(
    services: ServicesDep, limit: Annotated[int, Query(ge=1, le=500, description="Maximum number of items.")] = 50
) -> list[Sweep]:
    """List sweeps, newest first."""
    return services.sweeper.sweeps.latest(limit)


@router.get("/{sweep}", operation_id="get_sweep", responses=documented(404))
def get_sweep(services: ServicesDep, sweep: str) -> SweepTable:
    """Get a sweep with a table of its trials and the best one."""
    found, trials = _found(services, sweep)
    return SweepTable(**found.model_dump(), best=best_of(found, trials), table=trials)


@router.get(
    "/{sweep}/trials.csv",
    operation_id="sweep_csv",
    response_class=Response,
    responses=documented(404) | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def trials_csv(services: ServicesDep, sweep: str) -> Response:
    """Get the trials as CSV."""
    _, trials = _found(services, sweep)
    return PlainTextResponse(as_csv([_flat(trial) for trial in trials]), media_type="text/csv")


@router.get(
    "/{sweep}/plot.{form}", operation_id="sweep_plot", response_class=Response, responses=documented(404, 409, 503)
)
async def plot(services: ServicesDep, sweep: str, form: Form) -> Response:
    """Plot the trials as parallel coordinates: hyperparameters and metric."""
    picture = await services.plots.plot(trials_picture(services.journal, sweep), form)
    return Response(picture, media_type=MEDIA_TYPES[form])


@router.post("/{sweep}/cancel", operation_id="cancel_sweep", responses=documented(404))
def cancel(services: ServicesDep, sweep: str) -> Sweep:
    """Cancel a sweep and its running trials. Published versions are kept. Idempotent."""
    return services.sweeper.sweeps.cancel(sweep)


def _found(services: Services, sweep: str) -> tuple[Sweep, list[Trial]]:
    found = services.sweeper.sweeps.get(sweep)
    return found, table(found, jobs_of(found, services.journal), services.journal)


def _flat(trial: Trial) -> dict[str, Any]:
    row = trial.model_dump(exclude={"hyperparameters", "control_request"})
    return {"trial": row.pop("trial"), **trial.hyperparameters, **row}
