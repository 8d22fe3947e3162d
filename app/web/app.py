"""The web application: routers over services, problems for errors."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Lifespan

from app.bootstrap import Services, build, open_services
from app.errors import FitserveError, SystemFault
from app.keys import Keyring
from app.logging import configure_logging, log
from app.settings import Settings
from app.tracing import configure_tracing, end_tracing
from app.web import problems
from app.web.middleware.access_log import QUIET
from app.web.middleware.stack import middlewares
from app.web.openapi import describe_models
from app.web.protocols import open_inference, openai, tensorflow_serving
from app.web.requests.json_body.parser_process import ParserProcess
from app.web.routes import generate, health, imports, job_events, jobs, metrics, models, sweeps
from app.web.routes.page import page_router
from app.web.routes.predict import predict_routers
from app.web.routes.train import train_router

DESCRIPTION = """Trains neural networks in the background and serves them. Models keep serving during a training.

Errors are `application/problem+json` (RFC 9457) and say what was expected. Every response has an `X-Request-ID`, taken
from the request if present; the log contains it."""

TRACED: TelemetryConfig = {  # a span for each request; metrics and logs have ways of their own here
    "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
    "exclude": lambda scope: bool(QUIET.fullmatch(scope["path"])),
}  # fmt: skip


def create_app(settings: Settings) -> FastAPI:
    """The application for these settings. Nothing is opened before its lifespan begins."""
    services = build(settings)
    keyring = Keyring(settings.api_keys_file) if settings.api_keys_file else None
    app = FastAPI(
        title="Fitserve",
        version=version("fitserve"),
        description=DESCRIPTION,
        middleware=middlewares(services, keyring),
        lifespan=_lifespan(services, keyring),
        telemetry=TRACED,
        docs_url=None,  # FastAPI's pages load from other origins; ours is in page.py
        redoc_url=None,
    )
    app.state.shutting_down = app.state.importing = False
    app.state.keyring = keyring
    app.state.json_parser = ParserProcess()
    problems.install(app)
    _add_routers(app, services)
    describe_models(app, lambda: services.servables.models)
    return app


def _lifespan(services: Services, keyring: Keyring | None) -> Lifespan[FastAPI]:
    """What is opened before the first request and closed after the last one."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logging(services.settings.log_level, services.settings.log_form)
        configure_tracing()
        if keyring:
            keyring.open()
        app.state.gpus = await asyncio.to_thread(health.gpus)
        async with AsyncExitStack() as stack:
            try:
                app.state.services = await stack.enter_async_context(open_services(services))
            except FitserveError as fault:  # its sentence says it all
                raise fault.with_traceback(None) from None
            except OSError as fault:
                raise SystemFault.of(fault) or fault from fault
            log.info("Fitserve is ready; its API is described at /docs")
            gc.freeze()  # what is there now stays: looking through it again and again would stall requests by 40 ms
            yield
        gc.unfreeze()
        await app.state.json_parser.close()
        await asyncio.to_thread(end_tracing)

    return lifespan


def _add_routers(app: FastAPI, services: Services) -> None:
    """The routes of training for every family, and those of all models."""
    for family in services.families.values():
        app.include_router(train_router(family))
    for router in (
        *predict_routers(services.settings),
        generate.router,
        jobs.router,
        job_events.router,
        sweeps.router,
        models.router,
        imports.router,
        health.router,
        metrics.router,
        tensorflow_serving.router,
        open_inference.router,
        openai.router,
        page_router(),
    ):
        app.include_router(router)
