"""uvicorn as we need it: a signal first takes the service out of the balancer's sight."""

import asyncio
import os
import signal
import threading
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from app.logging import log


class Server(uvicorn.Server):
    """At the first signal the application is no longer ready; `linger` seconds later nothing more is accepted, and
    after `patience` seconds the process ends, whatever still runs in it.
    """

    def __init__(self, app: FastAPI, linger: float, patience: float, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app
        self._linger = linger
        self._patience = patience

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's handler of signals; a second one does not wait."""
        if not self._app.state.leaving:
            timer = threading.Timer(self._patience, _leave)  # a thread may hold the loop, or a lock
            timer.daemon = True
            timer.start()
        if self._linger and sig == signal.SIGTERM and not self._app.state.leaving:
            asyncio.get_running_loop().call_later(self._linger, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)
        self._app.state.leaving = True


def run(app: FastAPI, linger: float, patience: float, **options: Any) -> None:
    """Serve until a signal says stop, and then for so many seconds at most."""
    Server(app, linger, patience, uvicorn.Config(app, **options)).run()


def _leave() -> None:
    log.error("what runs here did not end in time: it is left behind")
    os._exit(1)
