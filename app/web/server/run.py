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
    """At the first signal the application is no longer ready; `shutdown_delay` seconds later nothing more is accepted,
    and after `exit_timeout` seconds the process ends, whatever still runs in it.
    """

    def __init__(self, app: FastAPI, shutdown_delay: float, exit_timeout: float, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app
        self._shutdown_delay = shutdown_delay
        self._exit_timeout = exit_timeout

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's handler of signals; a second one does not wait."""
        if not self._app.state.shutting_down:
            timer = threading.Timer(self._exit_timeout, _exit_now)  # a thread may hold the loop, or a lock
            timer.daemon = True
            timer.start()
        if self._shutdown_delay and sig == signal.SIGTERM and not self._app.state.shutting_down:
            asyncio.get_running_loop().call_later(self._shutdown_delay, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)
        self._app.state.shutting_down = True


def run(app: FastAPI, shutdown_delay: float, exit_timeout: float, **options: Any) -> None:
    """Serve until a signal says stop, and then for so many seconds at most."""
    Server(app, shutdown_delay, exit_timeout, uvicorn.Config(app, **options)).run()


def _exit_now() -> None:
    log.error("what runs here did not end in time: it is left behind")
    os._exit(1)
