"""The door for an ASGI server: `uvicorn app.main:app`."""

from app.settings import Settings
from app.web.app import create_app

app = create_app(Settings())
