"""/metrics for Prometheus: what was counted, and how things stand."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from resource import RUSAGE_CHILDREN, getrusage
from shutil import disk_usage

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import REGISTRY, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.bootstrap import Services
from app.errors import Unavailable
from app.jobs.job import Job
from app.paths import nearest_existing
from app.web.dependencies import ServicesDep

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["health"])


@router.get(
    "/metrics", operation_id="metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def scrape(services: ServicesDep) -> Response:
    """Metrics in the Prometheus text format."""
    collector = StateCollector(services)
    counted = generate_latest(REGISTRY)
    return Response(counted + await run_in_threadpool(generate_latest, collector), media_type=MEDIA_TYPE)


class StateCollector:
    """How things stand, looked up when somebody asks; a registry to `generate_latest`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Versions, waiting instances, jobs by status, who leads, and what trainers take."""
        yield from self._models()
        yield from self._jobs()
        yield from trainer_metrics(self._services.supervisor.trainers())
        free = disk_usage(nearest_existing(self._services.settings.local_folder)).free
        yield GaugeMetricFamily("fitserve_store_free_bytes", "Room that is left on the store's disk.", free)

    def _models(self) -> Iterator[Metric]:
        servables = self._services.servables
        live = GaugeMetricFamily("fitserve_live_version", "The version that answers.", labels=["model"])
        waiting = GaugeMetricFamily("fitserve_queue_depth", "Instances that wait.", labels=["model"])
        stored = GaugeMetricFamily("fitserve_versions", "Versions in the store.", labels=["model"])
        store_up = GaugeMetricFamily("fitserve_store_up", "Whether the store works: 1 or 0.")
        store_up.add_metric([], not servables.store_unavailable)
        for model in servables.models:
            if (version := servables.serving(model)) is not None:
                live.add_metric([model], version)
                waiting.add_metric([model], servables.waiting(model))
        with suppress(Unavailable):  # the rest is told all the same, and at once
            for model in () if servables.store_unavailable else servables.models:
                stored.add_metric([model], len(self._services.store.numbers(model)))
        yield from (live, waiting, stored, store_up)

    def _jobs(self) -> Iterator[Metric]:
        going = GaugeMetricFamily("fitserve_jobs", "Jobs that have not ended.", labels=["status"])
        ended = CounterMetricFamily("fitserve_jobs_ended", "Jobs that have ended, by how.", labels=["status"])
        with suppress(Unavailable):  # the rest is told all the same
            for status, number in self._services.journal.counts().items():
                (ended if status.terminal else going).add_metric([status], number)
        is_leader = GaugeMetricFamily("fitserve_is_leader", "Whether this process starts the trainers: 1 or 0.")
        is_leader.add_metric([], self._services.supervisor.is_leader())
        yield from (going, ended, is_leader)


def trainer_metrics(running: Sequence[tuple[Job, int]]) -> Iterator[Metric]:
    """What the trainers of this process take of the machine."""
    number = GaugeMetricFamily("fitserve_trainers", "Trainers running.", labels=["model"])
    memory = GaugeMetricFamily("fitserve_trainer_memory_bytes", "Resident memory of trainers.", labels=["model"])
    ended = getrusage(RUSAGE_CHILDREN)
    seconds = ended.ru_utime + ended.ru_stime
    taken: dict[str, list[float]] = {}
    for job, pid in running:
        collected = ProcessCollector(pid=partial(str, pid), registry=None).collect()
        figures = {metric.name: metric.samples[0].value for metric in collected}
        taken.setdefault(job.model, []).append(figures.get("process_resident_memory_bytes", 0))
        seconds += figures.get("process_cpu_seconds", 0)
    for model, sizes in taken.items():
        number.add_metric([model], len(sizes))
        memory.add_metric([model], sum(sizes))
    cpu = CounterMetricFamily("fitserve_trainer_cpu_seconds", "CPU time of trainers, those that have ended included.")
    cpu.add_metric([], seconds)
    yield from (number, memory, cpu)
