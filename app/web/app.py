"""The web application: routers over services, problems for errors."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.telemetry import TelemetryConfig
from starlette.types import Lifespan
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.bootstrap import Services, build, opened
from app.errors import FitserveError, SystemFault
from app.keys import Keyring
from app.logging import configure_logging, log
from app.settings import Settings
from app.tracing import configure_tracing, end_tracing
from app.web import problems
from app.web.middleware.access_log import QUIET, Observed
from app.web.middleware.admission import Fairness
from app.web.middleware.authentication import Guard
from app.web.middleware.compression import Compression
from app.web.middleware.decompression import Decompression
from app.web.middleware.head_requests import HeadRequests
from app.web.middleware.limits import BodyLimit, Deadline
from app.web.middleware.protocol_errors import ProtocolErrors
from app.web.middleware.security_headers import Headers
from app.web.openapi import describe_models
from app.web.protocols import open_inference, openai, tensorflow_serving
from app.web.requests.json_body.parser_process import ParserProcess
from app.web.routes import generate, health, imports, job_events, jobs, metrics, models, sweeps
from app.web.routes.page import page_router
from app.web.routes.predict import predict_routers
from app.web.routes.train import train_path, train_router
from app.web.server.run import ClearStart

DESCRIPTION = """Trains neural networks in the background and serves them; a model answers while it trains.

Every error is `application/problem+json` (RFC 9457) and says what was expected. Every answer has an `X-Request-ID`, the
request's own where it has one; the log names it."""

TRACED: TelemetryConfig = {  # a span for each request; metrics and logs have ways of their own here
    "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
    "exclude": lambda scope: bool(QUIET.fullmatch(scope["path"])),
}  # fmt: skip
EXPOSED = ("Location", "Retry-After", "X-Request-ID")  # headers that pages of allowed origins may read


def create_app(settings: Settings) -> FastAPI:
    """The application for these settings. Nothing is opened before its lifespan begins."""
    services = build(settings)
    keyring = Keyring(settings.api_keys_file) if settings.api_keys_file else None
    app = FastAPI(
        title="Fitserve",
        version=version("fitserve"),
        description=DESCRIPTION,
        lifespan=_lifespan(services, keyring),
        telemetry=TRACED,
        docs_url=None,  # FastAPI's pages load from other origins; ours is in page.py
        redoc_url=None,
    )
    app.state.leaving = app.state.importing = False
    app.state.keyring = keyring
    app.state.json_parser = ParserProcess()
    problems.install(app)
    _add_middlewares(app, services, keyring)
    _add_routers(app, services)
    describe_models(app, services.servables.models)
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
                app.state.services = await stack.enter_async_context(opened(services))
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


def _add_middlewares(app: FastAPI, services: Services, keyring: Keyring | None) -> None:
    """What every request passes through; the last one here sees it first."""
    settings = services.settings
    uploads = {train_path(family): settings.max_corpus_bytes for family in services.families.values() if family.upload}
    uploads |= {imports.import_path(model): settings.max_import_bytes for model in services.servables.models}
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        forms=uploads,
        max_tensors=settings.max_tensor_bytes,
        max_held=settings.max_held_bytes,
    )
    app.add_middleware(Decompression)
    app.add_middleware(Deadline, seconds=settings.request_seconds)
    app.add_middleware(
        Fairness,
        max_rate=settings.max_rate,
        max_concurrent=settings.max_concurrent,
        max_requests=settings.max_requests,
    )
    app.add_middleware(Guard, keyring=keyring, settings=settings)
    if settings.origins:
        allowed: Any = {"allow_origins": settings.origins, "allow_methods": ["*"], "allow_headers": ["*"]}
        app.add_middleware(CORSMiddleware, **allowed, expose_headers=EXPOSED)
    app.add_middleware(HeadRequests)
    app.add_middleware(Observed)
    app.add_middleware(ProtocolErrors)
    app.add_middleware(Compression)
    app.add_middleware(Headers)
    if settings.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))
    app.add_middleware(ClearStart)


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
