"""How a route gets the services it works with."""

from typing import Annotated

from fastapi import Depends, Request

from app.bootstrap import Services
from app.logging import request_id
from app.serving.inference import InferenceContext


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
