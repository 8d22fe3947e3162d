"""The routes under /jobs: list, inspect, cancel, pause and resume jobs."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from app.jobs.job import Job, Status
from app.web.dependencies import ServicesDep
from app.web.problems import documented
from app.web.requests.json_body.route import JsonRoute

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=JsonRoute)


@router.get("", operation_id="list_jobs", responses=documented(404, 422))
def list_jobs(
    services: ServicesDep,
    request: Request,
    response: Response,
    status: Annotated[Status | None, Query(description="Only jobs in this state.")] = None,
    family: Annotated[
        str | None, Query(max_length=64, description="Only jobs of this family.", examples=["digit"])
    ] = None,
    model: Annotated[
        str | None, Query(max_length=64, description="Only jobs for this model.", examples=["digit"])
    ] = None,
    before: Annotated[
        str | None, Query(max_length=64, description="Only jobs older than the job with this id.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Maximum number of items.")] = 50,
) -> list[Job]:
    """List jobs, newest first. If there are more, the `Link` header has the URL of the next page."""
    journal = services.journal
    found = journal.latest(limit + 1, before, status=status, family=family, model=model)
    if len(found) > limit:
        found = found[:limit]
        asked = {"status": status, "family": family, "model": model, "limit": limit, "before": found[-1].id}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return found


@router.get("/{job}", operation_id="get_job", responses=documented(404))
def get_job(services: ServicesDep, job: str) -> Job:
    """Get a job: status, progress (0 to 1), estimated seconds left, latest metrics, and the version once published."""
    return services.journal.get(job)


class Cancelling(BaseModel):
    """Options for cancelling a job."""

    model_config = ConfigDict(strict=True)

    stop_early: bool = Field(False, description="Publish the best epoch so far instead of discarding the training.")


@router.post("/{job}/cancel", operation_id="cancel_job", responses=documented(404, 422))
def cancel_job(services: ServicesDep, job: str, how: Cancelling | None = None) -> Job:
    """Cancel a job: at once if it is queued, shortly after if it is running. Idempotent."""
    journal = services.journal
    return journal.stop_early(job) if how and how.stop_early else journal.cancel(job)


@router.post("/{job}/pause", operation_id="pause_job", responses=documented(404))
def pause_job(services: ServicesDep, job: str) -> Job:
    """Pause a job: at once if queued, shortly after if running. Training since the last epoch is lost."""
    return services.journal.pause(job)


@router.post("/{job}/resume", operation_id="resume_job", responses=documented(404))
async def resume_job(services: ServicesDep, job: str) -> Job:
    """Queue a paused job again. It continues from its last checkpoint."""
    resumed = await run_in_threadpool(services.journal.resume, job)
    services.supervisor.wake()
    return resumed
