"""POST /train/{family}: ask for a training in the background."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, create_model

from app.bootstrap import Services
from app.families.contract import Family
from app.jobs.job import Job, Promote
from app.training.submission import submit
from app.web.problems import documented

Key = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=255, description="The same key gives the same job again.")
]


def train_router(family: Family) -> APIRouter:
    """The route of one family, with its hyperparameters as the body."""
    router = APIRouter(prefix="/train", tags=["train"])
    wishes: Any = _wishes(family)
    examples: Any = {
        "defaults": {"summary": "All defaults", "value": {}},
        "sample": {"summary": "Seconds, and no download", "value": dict(family.sample)},
    }

    @router.post(
        f"/{family.name}",
        status_code=202,
        summary=f"Train: {family.title}",
        operation_id=f"train_{family.name}",
        responses=documented(409, 413, 422, 429),
    )
    async def train(
        request: Request,
        response: Response,
        body: Annotated[wishes, Body(openapi_examples=examples)] = None,
        idempotency_key: Key = None,
    ) -> Job:
        """Queue a training. Predictions go on meanwhile; a better version takes over by itself."""
        services: Services = request.app.state.services
        chosen: BaseModel = body or wishes()
        job, _ = await run_in_threadpool(
            submit,
            family,
            chosen.model_dump(exclude={"promote", "priority"}, exclude_unset=True),
            chosen.promote,  # type: ignore[attr-defined]
            chosen.priority,  # type: ignore[attr-defined]
            journal=services.journal,
            datasets=services.datasets,
            max_queued=services.settings.max_queued,
            idempotency_key=idempotency_key,
        )
        services.supervisor.wake()
        response.headers["Location"] = f"/jobs/{job.id}"
        return job

    return router


def _wishes(family: Family) -> type[BaseModel]:
    """The family's hyperparameters and what to do with the version that comes out."""
    promote = Field("if_better", description="When the new version goes live: `if_better`, `always` or `never`.")
    priority = Field(0, ge=-100, le=100, description="Jobs of a higher one start first.")
    return create_model(
        f"Train_{family.name}",
        __base__=family.hyperparameters,
        promote=(Promote, promote),
        priority=(int, priority),
    )
