"""What routes share: the services of the application, its readiness, and parameters of several routes."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request

from app.bootstrap import Services
from app.errors import InvalidRequest
from app.keys import Keyring
from app.logging import request_id
from app.serving.inference import InferenceContext

LONGEST_REFERENCE = 64  # characters
MAX_KEY = 240  # characters of an idempotency key

Version = Annotated[
    str | None,
    Query(
        max_length=LONGEST_REFERENCE,
        description="A version or an alias; by default the live one. Not together with `alias`.",
        examples=["1"],
    ),
]
Alias = Annotated[
    str | None,
    Query(
        max_length=LONGEST_REFERENCE,
        description="An alias, in place of `version` and not together with it.",
        examples=["candidate"],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=MAX_KEY,
        description="The same key with the same body gives the same job again. It is of one address and one API key.",
    ),
]


def services_of(request: Request) -> Services:
    """The services of the application that answers this request; for code that FastAPI does not call."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:  # FastAPI would run a plain function in a thread
    return services_of(request)


ServicesDep = Annotated[Services, Depends(_services)]
"""A route's parameter `services: ServicesDep`."""


def context_of(request: Request) -> InferenceContext:
    """Who asks a model. The deadline of HTTP requests is the middleware's, which also covers reading the body."""
    return InferenceContext(request_id.get(), request.scope.get("key"))


def is_ready(request: Request) -> bool:
    """Whether every model that was ever trained is served on what works, the keys too, and no signal has said stop."""
    services = services_of(request)
    works = not services.runtime.fault and not keys_fault(request)
    return works and not request.app.state.shutting_down and services.servables.all_ready


def keys_fault(request: Request) -> str | None:
    """Why the file of keys cannot be used now; None where it can, or where there is none."""
    keyring: Keyring | None = request.app.state.keyring
    return keyring.reload() if keyring else None


def resolve_reference(version: str | int | None, alias: str | None) -> str | None:
    """The one reference of a request, None when it names nothing; raises InvalidRequest when it names two."""
    if alias is None:
        return None if version is None else str(version)
    if version is not None:
        raise InvalidRequest("name a version or an alias, not both")
    if alias.isdecimal():
        raise InvalidRequest(f"{alias[:40]!r} is not an alias: send it as the version")
    return alias


def idempotency(request: Request, key: str | None, body: Any) -> tuple[str | None, str | None]:
    """The digests of an idempotency key and of the validated body, as the journal stores them; None without a key.

    A key belongs to one path and one API key. The time that this takes grows with the body.
    """
    if not key:
        return None, None
    caller = request.scope.get("key", "")  # the name of an API key
    return _digest([caller, request.scope["path"], key]), _digest(body)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
