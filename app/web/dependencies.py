"""How a route gets the services it works with."""

from typing import Annotated

from fastapi import Depends, Request

from app.bootstrap import Services


def services_of(request: Request) -> Services:
    """The services of the application that answers this request; for code that FastAPI does not call."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:  # FastAPI would run a plain function in a thread
    return services_of(request)


ServicesDep = Annotated[Services, Depends(_services)]
"""A route's parameter `services: ServicesDep`."""
