"""The wiring: settings become services, opened in order and closed in reverse."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from app.datasets.datasets import Datasets
from app.datasets.uploads import clear
from app.families.catalog import find_families
from app.families.contract import Family
from app.jobs.event_feed import EventFeed
from app.jobs.journal import Journal
from app.jobs.launchers.launcher import Launcher
from app.jobs.launchers.local import LocalLauncher
from app.jobs.launchers.ray import RayLauncher, Resources
from app.jobs.launchers.ray_head import RayHead, address_in, token_in
from app.jobs.plots import Plots
from app.jobs.retention import Retention
from app.jobs.supervisor import Supervisor, SupervisorRules
from app.logging import log
from app.serving.decoding import PictureDecoder
from app.serving.inference import Inference
from app.serving.loading import ServingLimits
from app.serving.runtimes.selection import SelectedRuntime
from app.serving.servables import Servables
from app.settings import Settings
from app.store.model_store import ModelStore
from app.store.opening import open_store
from app.sweeps.engine import Sweeper


@dataclass(frozen=True)
class Services:
    """All that the doors work with. Making it touches nothing; `open_services` does the work."""

    settings: Settings
    families: dict[str, Family]
    store: ModelStore
    journal: Journal
    datasets: Datasets
    runtime: SelectedRuntime
    servables: Servables
    supervisor: Supervisor
    feed: EventFeed
    plots: Plots
    retention: Retention
    sweeper: Sweeper
    inference: Inference
    decoders: Executor


def build(settings: Settings) -> Services:
    """Services that are not open yet."""
    families = find_families()
    store = open_store(settings)
    journal = Journal(settings.journal_url, settings.journal_connections)
    runtime = SelectedRuntime(settings)
    datasets = Datasets(settings.data_dir, offline=settings.offline, uploads=store.corpora)
    limits = ServingLimits(settings.max_batch, settings.max_queue_size, settings.max_loaded)
    servables = Servables(store, families, runtime, limits)
    decoders = ThreadPoolExecutor(os.cpu_count(), "decode")
    return Services(
        settings=settings,
        families=families,
        store=store,
        journal=journal,
        datasets=datasets,
        runtime=runtime,
        servables=servables,
        supervisor=Supervisor(journal, launcher(settings), supervisor_rules(settings)),
        retention=Retention(
            journal, store.jobs, settings.progress_days, settings.log_days, partial(clear, datasets, journal.database)
        ),
        sweeper=Sweeper(
            journal,
            store,
            datasets,
            at_once=settings.max_trainers,
            max_queued=settings.max_queued,
            max_models=settings.max_models,
            keep_versions=settings.keep_versions,
        ),
        feed=EventFeed(journal, settings.event_poll_seconds),
        plots=Plots(),
        inference=Inference(servables, PictureDecoder(decoders, max_pixels=settings.max_pixels, crop=settings.crop)),
        decoders=decoders,
    )


def launcher(settings: Settings) -> Launcher:
    """Where trainers run."""
    if settings.launcher == "local":
        return LocalLauncher(settings.workspace, settings.environment())
    resources = Resources(max(1, settings.trainer_threads), settings.trainer_gpus, settings.trainer_memory_bytes)
    head = RayHead(address_in(os.environ), token_in(os.environ))
    return RayLauncher(head, settings.workspace, settings.environment(), resources)


def supervisor_rules(settings: Settings) -> SupervisorRules:
    """What the supervisor goes by."""
    return SupervisorRules(
        max_trainers=settings.max_trainers,
        max_attempts=settings.max_attempts,
        lease_seconds=settings.lease_seconds,
        leader_lease_seconds=settings.leader_lease_seconds,
        termination_grace_seconds=settings.termination_grace_seconds,
        job_poll_seconds=settings.job_poll_seconds,
    )


@asynccontextmanager
async def open_services(services: Services) -> AsyncIterator[Services]:
    """Runtime chosen, journal open, store seeded and swept, live versions warm, aliases watched, jobs supervised; then
    all undone.
    """
    run_supervisor = services.settings.run_supervisor
    await asyncio.to_thread(services.runtime.open)
    log.info("predictions run on %s: %s", services.runtime.name, services.runtime.reason)
    services.journal.open()
    services.store.seed(services.settings.starters)
    if run_supervisor:
        services.store.sweep([job.id for job in services.journal.running()])
    await services.servables.open()
    ongoing = [services.servables.watch(services.settings.store_poll_seconds)]
    if run_supervisor:
        sweeping = services.sweeper.run(services.supervisor.is_leader, services.settings.job_poll_seconds)
        ongoing += [services.supervisor.run(), services.retention.run(), sweeping]
    tasks = [asyncio.create_task(one) for one in ongoing]
    try:
        yield services
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(services.supervisor.close)
        services.decoders.shutdown(wait=False, cancel_futures=True)
        services.servables.close()
        services.journal.close()
