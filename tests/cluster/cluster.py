"""A Ray cluster of processes on loopback: started, its nodes killed, its head started anew, asked over HTTP."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from tests.processes import descendants, kill

BIN = Path(sys.executable).parent
START_SECONDS, STOP_SECONDS = 120, 30

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # its way to say: listen on 127.0.0.1 only
    "RAY_AUTH_MODE": "disabled",
}


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `holds` returns once it is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


class RayCluster:
    """Started on entry, stopped on exit with all that runs on it; `address` is where its Jobs API is."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.client = httpx2.Client(base_url=self.address, timeout=30)
        self._environment = environment

    def __enter__(self) -> "RayCluster":
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets bear no longer path
        environment = {**os.environ, **QUIET, **self._environment, "RAY_TMPDIR": str(self._folder)}
        environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.nodes", str(self.port), str(self._folder)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            self._hear()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        everything = descendants([self._process.pid])
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        for pid in everything - {self._process.pid}:
            kill(pid)
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill_node(self, node: str) -> None:
        """kill -9 for everything of a node at once, what it runs included."""
        for pid in descendants(self.nodes.pop(node)):
            kill(pid)

    def kill_head(self) -> None:
        """The same for the head."""
        self.kill_node(self.head)

    def restart_head(self) -> None:
        """A new head at the same address, which knows nothing of what was."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._hear()

    def job(self, name: str) -> dict[str, Any] | None:
        """What Ray knows of one of its jobs."""
        answer = self.client.get(f"/api/jobs/{name}")
        found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return found

    def node_of(self, name: str) -> str:
        """The node that a Ray job runs on."""
        found = self.job(name)
        assert found, f"Ray does not know {name}"
        node: str = found["driver_node_id"]
        return node

    def _hear(self) -> None:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the cluster did not start"
        self.head, self.nodes = json.loads(line).values()
