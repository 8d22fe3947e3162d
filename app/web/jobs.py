"""/jobs: what was asked for, how far it is, and how to stop it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.bootstrap import Services
from app.jobs.job import Job, Status
from app.web.problems import documented

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("", operation_id="list_jobs", responses=documented(422))
def list_jobs(
    request: Request,
    status: Annotated[Status | None, Query(description="Only jobs in this state.")] = None,
    family: Annotated[str | None, Query(description="Only jobs of this family.", examples=["digit"])] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many.")] = 50,
) -> list[Job]:
    """Jobs, newest first."""
    return _services(request).journal.latest(status, family, limit)


@router.get("/{job}", operation_id="get_job", responses=documented(404))
def get_job(request: Request, job: str) -> Job:
    """One job: status, progress from 0 to 1, seconds still to go, latest figures, and the version when it has one."""
    return _services(request).journal.get(job)


@router.post("/{job}/cancel", operation_id="cancel_job", responses=documented(404))
def cancel_job(request: Request, job: str) -> Job:
    """Stop a job: at once when it waits, soon when it runs. Asking again changes nothing."""
    return _services(request).journal.cancel(job)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
