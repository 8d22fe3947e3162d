"""The application deployed on a Ray cluster, with its replicas' ports and processes."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

from app.families.imaging import png
from app.settings import Settings
from tests.cluster.cluster import RayCluster
from tests.drawing import draw_digit
from tests.processes import kill
from tests.service import FITSERVE, free_port
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
SEVEN = png(draw_digit(7, 28, 2.5))


class Replicas:
    """The deployed application behind its proxy."""

    def __init__(self, cluster: RayCluster, port: int) -> None:
        self._cluster = cluster
        self.port = port
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def running(self) -> dict[int, int]:
        """The port that each replica listens on, by its process."""
        found = self._cluster.client.get("/api/serve/applications/").json()["applications"]["fitserve"]
        replicas = found["deployments"]["Fitserve"]["replicas"]
        pids = [replica["pid"] for replica in replicas if replica["state"] == "RUNNING"]
        return {pid: port for pid in pids if (port := listening(pid))}

    def serving(self, port: int) -> int:
        """The version that one replica answers with."""
        answer = httpx2.post(f"http://127.0.0.1:{port}/predict/digit", files={"file": SEVEN})
        version: int = answer.json()["version"]
        return version

    def promote(self, version: int) -> float:
        """Seconds from the answer until every replica answers with the version."""
        answer = self.client.put("/models/digit/aliases/live", json={"version": version})
        assert answer.status_code == 200, answer.text
        begun = time.monotonic()
        ports = list(self.running().values())
        until(lambda: all(self.serving(port) == version for port in ports), 10, "all have followed")
        return time.monotonic() - begun

    def kill_one(self) -> None:
        """kill -9 of a replica; returns when another one has taken its place."""
        victim = next(iter(self.running()))
        kill(victim)
        until(lambda: len(set(self.running()) - {victim}) == 2, 60, "another replica takes its place")


def listening(pid: int) -> int:
    """The port of loopback that a process answers HTTP on, among those that Serve gives to replicas; 0 for none."""
    try:
        sockets = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
        rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    except OSError:
        return 0
    ports = [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
    return next((port for port in ports if 30000 <= port <= 31000), 0)


@contextmanager
def deployed(cluster: RayCluster, settings: Settings, folder: Path, replicas: int) -> Iterator[Replicas]:
    """So many replicas, deployed as the documents say; in the end they are taken away. The folder is for their file."""
    config: Any = yaml.safe_load((ROOT / "deploy" / "ray-serve.yaml").read_text())
    port = free_port()
    config |= {"proxy_location": "HeadOnly", "http_options": {"host": "127.0.0.1", "port": port}}
    deployment = config["applications"][0]["deployments"][0]
    deployment["autoscaling_config"] |= {"min_replicas": replicas, "max_replicas": replicas}
    deployment |= {"graceful_shutdown_timeout_s": 2, "ray_actor_options": {"num_cpus": 0.5}}
    (folder / "serve.yaml").write_text(yaml.safe_dump(config))
    variables = {**settings.environment(), "RAY_ADDRESS": cluster.address}
    command = [str(FITSERVE), "deploy", str(folder / "serve.yaml"), "--wait", "120"]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    running = Replicas(cluster, port)
    try:
        until(lambda: len(running.running()) == replicas, 60, "all replicas")
        yield running
    finally:
        running.client.close()
        cluster.client.delete("/api/serve/applications/")
