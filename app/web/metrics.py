"""/metrics for Prometheus: what was counted, and how things stand."""

import time
from collections.abc import Iterator
from contextlib import suppress

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.bootstrap import Services
from app.errors import Unavailable

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["health"])


@router.get(
    "/metrics", operation_id="metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def scrape(request: Request) -> Response:
    """Requests, latencies by stage, batch sizes, queues, live versions and jobs, for Prometheus."""
    standing = Standing(request.app.state.services)
    counted = generate_latest(REGISTRY)
    return Response(counted + await run_in_threadpool(generate_latest, standing), media_type=MEDIA_TYPE)


class Standing:
    """How things stand, looked up when somebody asks; a registry to `generate_latest`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Live versions, waiting instances, jobs by status, and who leads."""
        servables = self._services.servables
        versions = GaugeMetricFamily("fitserve_live_version", "The version that answers.", labels=["model"])
        waiting = GaugeMetricFamily("fitserve_queue_depth", "Instances that wait.", labels=["model"])
        for model in servables.models:
            if (version := servables.serving(model)) is not None:
                versions.add_metric([model], version)
                waiting.add_metric([model], servables.live(model).batcher.waiting)
        jobs = GaugeMetricFamily("fitserve_jobs", "Jobs that have not ended.", labels=["status"])
        with suppress(Unavailable):  # the rest is told all the same
            for status, number in self._services.journal.unfinished().items():
                jobs.add_metric([status], number)
        leads = GaugeMetricFamily("fitserve_leads", "Whether this process starts the trainers: 1 or 0.")
        leads.add_metric([], self._services.supervisor.leads())
        yield from (versions, waiting, jobs, leads)


class Measured:
    """ASGI middleware: counts and times every request under the path of its route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch the status go by."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # what is sent further out when an error passes here

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "none")  # never a path of the client's making
            metrics.request_seconds.labels(route).observe(time.perf_counter() - begun)
            metrics.requests.labels(scope["method"], route, status).inc()
