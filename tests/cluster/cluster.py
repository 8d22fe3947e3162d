"""A Ray cluster of processes on loopback: started, its nodes killed, its head started anew, asked over HTTP."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx2

from tests.processes import descendants, kill
from tests.service import free_port

BIN = Path(sys.executable).parent

ROOT = Path(__file__).resolve().parents[2]

QUIET = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # its way to say: listen on 127.0.0.1 only
    "RAY_AUTH_MODE": "disabled",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
}
HAPROXY = f"""#!/bin/sh
# The documented HAProxy, but for its own two pages: on loopback, like all the rest.
sed -i -E 's/^( *bind )[*]?:/\\1127.0.0.1:/' "$3"
exec {ROOT / "deploy" / "haproxy"} "$@"
"""


def cluster_environment(folder: Path) -> dict[str, str]:
    """What the documents start a node with, with the proxy's files and pages in places of their own."""
    documented = variables(ROOT / "deploy" / "ray.env")
    wrapper = folder / "haproxy"
    wrapper.write_text(HAPROXY)
    wrapper.chmod(0o755)
    files = {
        "CONFIG_FILE_LOC": "haproxy.cfg", "SOCKET_PATH": "admin.sock", "SERVER_STATE_BASE": ".",
        "SERVER_STATE_FILE": "state", "METRICS_SOCKET_PATH": "metrics.sock", "BINARY_PATH": "haproxy",
    }  # fmt: skip
    ports = {f"RAY_SERVE_HAPROXY_{page}_PORT": str(free_port()) for page in ("STATS", "METRICS")}
    places = {f"RAY_SERVE_HAPROXY_{name}": str(folder / file) for name, file in files.items()}
    return {**documented, **QUIET, **places, **ports, "RAY_TMPDIR": str(folder)}


def variables(file: Path) -> dict[str, str]:
    """What a file of variables for a shell sets."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


class RayCluster:
    """Started on entry, killed on exit with all that runs on it; `address` is where its Jobs API is."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.client = httpx2.Client(base_url=self.address, timeout=30)

    def __enter__(self) -> "RayCluster":
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets bear no longer path
        environment = {**os.environ, **cluster_environment(self._folder)}
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
        for pid in descendants([self._process.pid]):  # nothing that was here is wanted any more
            kill(pid)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
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
