"""All middlewares, in the order in which a request passes them."""

from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.bootstrap import Services
from app.keys import Keyring
from app.settings import Settings
from app.web.middleware.access_log import AccessLog
from app.web.middleware.admission import AdmissionControl
from app.web.middleware.authentication import Authentication
from app.web.middleware.compression import Compression
from app.web.middleware.decompression import Decompression
from app.web.middleware.head_requests import HeadRequests
from app.web.middleware.limits import BodyLimit, Deadline
from app.web.middleware.protocol_errors import ProtocolErrors
from app.web.middleware.security_headers import SecurityHeaders
from app.web.middleware.startup_errors import StartupErrors
from app.web.routes.imports import PATHS as IMPORT_PATHS
from app.web.routes.train import train_path

EXPOSED = ("Location", "Retry-After", "X-Request-ID")  # headers that pages of allowed origins may read


def middlewares(services: Services, keyring: Keyring | None) -> list[Middleware]:
    """The first one sees a request first, and its answer last."""
    settings = services.settings
    return [
        Middleware(StartupErrors),
        *_proxies(settings),
        Middleware(SecurityHeaders),
        Middleware(Compression),
        Middleware(ProtocolErrors),
        Middleware(AccessLog),
        Middleware(HeadRequests),
        *_cors(settings),
        Middleware(Authentication, keyring=keyring, settings=settings),
        Middleware(
            AdmissionControl,
            max_rate=settings.max_rate,
            max_concurrent=settings.max_concurrent,
            max_requests=settings.max_requests,
        ),
        Middleware(Deadline, seconds=settings.request_timeout_seconds),
        Middleware(Decompression),
        Middleware(
            BodyLimit,
            max_bytes=settings.max_body_bytes,
            forms=_form_limits(services),
            max_tensors=settings.max_tensor_bytes,
            max_inflight=settings.max_inflight_bytes,
        ),
    ]


def _proxies(settings: Settings) -> list[Middleware]:
    """Where proxies are trusted, what they say of the client counts."""
    return [Middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))] if settings.proxies else []


def _cors(settings: Settings) -> list[Middleware]:
    if not settings.origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        )
    ]


def _form_limits(services: Services) -> dict[str, int]:
    """The bytes that a form may have, by patterns of the paths of those that may have more than others."""
    settings = services.settings
    uploads = {train_path(family): settings.max_corpus_bytes for family in services.families.values() if family.upload}
    return uploads | {IMPORT_PATHS: settings.max_import_bytes}
