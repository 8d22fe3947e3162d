"""The door for the web: `python -m app.main`, or `app.main:app` for any ASGI server."""

import uvicorn

from app.settings import Settings
from app.web.app import create_app

settings = Settings()
app = create_app(settings)


def serve() -> None:
    """Serve until a signal says stop."""
    level = settings.log_level
    uvicorn.run(app, host=settings.host, port=settings.port, log_level=level.lower(), access_log=level == "DEBUG")


if __name__ == "__main__":
    serve()
