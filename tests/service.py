"""A real service in a process of its own, as `fitserve up` starts it, on a free port of loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx2

from tests.waiting import until

FITSERVE = Path(sys.executable).with_name("fitserve")
START_SECONDS = 60
QUICK = {"dataset": "sample", "network": "classic"}  # digits whose training takes the fewest seconds
STOP_SECONDS = 20


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Service:
    """Started on entry, stopped on exit; `client` talks to it. What it logs goes to the file `log`, if one is named."""

    command: Sequence[str | Path] = (FITSERVE, "up")
    log: Path | None = None

    def __init__(self, **settings: object) -> None:
        self.port = free_port()
        chosen = {f"FITSERVE_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment = {**os.environ, **chosen, "FITSERVE_PORT": str(self.port)}
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def __enter__(self) -> "Service":
        with self.log.open("wb") if self.log else nullcontext() as output:
            self.process = subprocess.Popen(self.command, env=self.environment, stderr=output)
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError("the service did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def get(self, path: str) -> Any:
        """The JSON at a path; fails unless it is there."""
        response = self.client.get(path)
        response.raise_for_status()
        return response.json()

    def train(self, family: str = "digit", **body: object) -> str:
        """Ask for a training; returns the job's id."""
        response = self.client.post(f"/train/{family}", json=body)
        assert response.status_code == 202, response.text
        job: str = response.json()["id"]
        return job

    def wait_until_it_learns(self, job: str) -> None:
        """Until the job has a row of its curves."""
        until(lambda: self.get(f"/jobs/{job}/history"), 90, "it learns")

    def wait(self, job: str, seconds: float = 240) -> Any:
        """The job when it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            seen = self.get(f"/jobs/{job}")
            if seen["status"] not in ("queued", "running"):
                return seen
            time.sleep(0.1)
        raise TimeoutError(f"job {job} has not ended in {seconds} s")

    def _ready(self) -> bool:
        try:
            return self.client.get("/health/ready").status_code == 200
        except httpx2.TransportError:
            return False


class Caller:
    """Predicts one picture in a tight loop from a thread, and remembers what it was told."""

    def __init__(self, service: Service, picture: bytes) -> None:
        self._url = f"http://127.0.0.1:{service.port}/predict/digit"
        self._picture = picture
        self.answers: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self._stop = False

    def __call__(self) -> None:
        with httpx2.Client(timeout=30) as client:
            while not self._stop:
                try:
                    response = client.post(self._url, files={"file": self._picture})
                    response.raise_for_status()
                    self.answers.append(response.json())
                except httpx2.HTTPError as fault:
                    self.failures.append(str(fault))

    def stop(self) -> None:
        """End the loop after the request under way."""
        self._stop = True
