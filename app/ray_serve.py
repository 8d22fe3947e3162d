"""The door for Ray Serve: the application in replicas behind Ray's proxy, one process and one set of models each."""

import os

from fastapi import FastAPI
from ray import serve
from uvicorn.protocols.http import auto

from app.errors import Forbidden
from app.process_limits import return_freed_memory
from app.settings import Settings
from app.web.app import create_app
from app.web.server.connection import protocol_with_limits

os.environ["FORWARDED_ALLOW_IPS"] = ""  # Ray starts the server; the application itself knows which proxies to believe


def application() -> FastAPI:
    """A replica's application, from the settings in its environment; raises Forbidden where it would serve everybody.

    To a replica every request comes from the proxy, so there is no telling this machine's from others'.
    """
    settings = Settings()
    if settings.api_keys_file is None and not settings.allow_unauthenticated:
        raise Forbidden(
            "behind Ray's proxy nobody can tell who is local: give FITSERVE_API_KEYS_FILE (fitserve keys create), or "
            "FITSERVE_ALLOW_UNAUTHENTICATED=true where something in front guards the service"
        )
    return_freed_memory()
    # uvicorn takes it in a replica, whose server Ray starts later
    auto.AutoHTTPProtocol = protocol_with_limits(settings)
    return create_app(settings)


class Fitserve:
    """One replica. Each watches the store by itself, so a promotion reaches all of them."""


fitserve = serve.deployment(serve.ingress(application)(Fitserve)).bind()  # what a Serve config names
