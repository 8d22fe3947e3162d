"""/jobs/{id}/...: watching a job while it runs, and looking back: events, curves, log."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.bootstrap import Services
from app.jobs.curves import as_csv, curves_of
from app.jobs.launchers.local import LOG
from app.jobs.plots import MEDIA_TYPES, Form, curves
from app.web.dependencies import ServicesDep
from app.web.problems import documented

router = APIRouter(prefix="/jobs/{job}", tags=["jobs"])

LOOK_SECONDS = 0.5
CHUNK = 1 << 16
MOST = 2**63 - 1  # what a database counts to

LastEvent = Annotated[
    int, Header(alias="Last-Event-ID", ge=0, le=MOST, description="Only events after the one with this id.")
]
After = Annotated[
    int, Query(ge=0, le=MOST, description="Same as the `Last-Event-ID` header, for clients that cannot set headers.")
]


def known(services: ServicesDep, job: str) -> None:
    """Refuse an unknown job while the answer's status can still say so."""
    services.journal.get(job)


@router.get(
    "/events",
    operation_id="job_events",
    response_class=EventSourceResponse,
    responses=documented(404, 422),
    dependencies=[Depends(known)],
)
async def events(
    services: ServicesDep, job: str, last: LastEvent = 0, after: After = 0
) -> AsyncIterator[ServerSentEvent]:
    """Stream the events of a job as server-sent events, from the first to the end of the job.

    Send the id of the last event received as `Last-Event-ID` to continue without losing or repeating events.
    """
    async for event in services.feed.follow(job, max(last, after)):
        yield ServerSentEvent(data={"time": event.time.isoformat(), **event.data}, event=event.kind, id=str(event.id))


@router.get("/history", operation_id="job_history", responses=documented(404))
def history(services: ServicesDep, job: str) -> list[dict[str, Any]]:
    """Get the metrics of every epoch so far."""
    return curves_of(services.journal, job)


@router.get(
    "/history.csv",
    operation_id="job_history_csv",
    response_class=Response,
    responses=documented(404) | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def history_csv(services: ServicesDep, job: str) -> Response:
    """Get the metrics of every epoch so far as CSV."""
    return PlainTextResponse(as_csv(curves_of(services.journal, job)), media_type="text/csv")


@router.get("/plot.{form}", operation_id="job_plot", response_class=Response, responses=documented(404, 409, 503))
async def plot(services: ServicesDep, job: str, form: Form) -> Response:
    """Plot training and validation accuracy and loss over the epochs so far."""
    picture = await services.plots.plot(curves(services.journal, job), form)
    return Response(picture, media_type=MEDIA_TYPES[form])


@router.get("/log", operation_id="job_log", response_class=PlainTextResponse, responses=documented(404))
async def log(
    services: ServicesDep,
    job: str,
    follow: Annotated[
        bool, Query(description="Keep the connection open and send new lines until the job has ended.")
    ] = False,
) -> Response:
    """Get the log of a job's trainers."""
    await run_in_threadpool(services.journal.get, job)
    return StreamingResponse(_tail(services, job, follow), media_type="text/plain; charset=utf-8")


async def _tail(services: Services, job: str, follow: bool) -> AsyncIterator[bytes]:
    """The log, and while the job goes on what is added to it."""
    folder, position = services.store.jobs.of(job), 0
    while True:
        ended = (await run_in_threadpool(services.journal.get, job)).status.terminal
        while chunk := await run_in_threadpool(folder.read, LOG, position, CHUNK):
            position += len(chunk)
            yield chunk
        if ended or not follow:
            return
        await asyncio.sleep(LOOK_SECONDS)
