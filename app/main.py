"""The door for the web: `python -m app.main`, or `app.main:app` for any ASGI server (uvicorn: `--no-proxy-headers`)."""

import sys

from app.addresses import is_local
from app.logging import configure_logging
from app.process_limits import allow_connections, return_freed_memory
from app.serving.runtimes.selection import why_not_installed
from app.settings import Settings
from app.web.app import create_app
from app.web.server.connection import protocol_with_limits
from app.web.server.run import run

EXIT_SECONDS = 2.0  # to close what is open, beside what settings say

settings = Settings()
app = create_app(settings)


def serve() -> None:
    """Serve until a signal says stop."""
    if settings.api_keys_file is None and not settings.allow_unauthenticated and not is_local(settings.host):
        sys.exit(
            f"FITSERVE_HOST={settings.host} would let everybody in: give FITSERVE_API_KEYS_FILE "
            "(fitserve keys create), or FITSERVE_ALLOW_UNAUTHENTICATED=true where something in front guards the service"
        )
    if settings.runtime == "tensorflow" and (obstacle := why_not_installed()):
        sys.exit(f"FITSERVE_RUNTIME=tensorflow, but {obstacle}")
    return_freed_memory()
    allow_connections(settings.max_connections)
    configure_logging(settings.log_level, settings.log_form)
    run(
        app,
        settings.shutdown_delay_seconds,
        settings.shutdown_delay_seconds
        + settings.graceful_shutdown_seconds
        + settings.termination_grace_seconds
        + EXIT_SECONDS,
        host=settings.host,
        port=settings.port,
        http=protocol_with_limits(settings),
        log_config=None,
        log_level=settings.log_level.lower(),
        access_log=False,
        proxy_headers=False,  # the application itself knows which proxies to believe
        timeout_graceful_shutdown=settings.graceful_shutdown_seconds,
    )


if __name__ == "__main__":
    serve()
