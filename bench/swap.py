"""Swapping versions under load: latency of /predict/digit while `live` moves, beside that while it stays.

    python -m bench.swap [--rounds 5] [--seconds 8] [--connections 32] [--pause 0]

Needs wrk. In each round it runs twice: alone, and through promotions and rollbacks, one after the other with `--pause`
seconds between. Prints a Markdown table, the median of the ratios, and the service's memory after 5 and after 50 swaps.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from statistics import median

from app.settings import STARTERS
from app.store.model_store import ModelStore
from bench.serve_digit import picture
from bench.servers import load, memory, started, write_script
from tests.second_version import publish_second_version

BIN = Path(sys.executable).parent
PORT = 8716
SERVICE = f"http://127.0.0.1:{PORT}"
LOOKED = (5, 50)  # swaps after which memory is looked at


class Swaps:
    """Promotions and rollbacks in a thread of their own, without end."""

    def __init__(self, process: subprocess.Popen[bytes], pause: float) -> None:
        self._process = process
        self._pause = pause
        self._stop = False
        self.seconds: list[float] = []
        self.memory: dict[int, float] = {}

    def run(self) -> None:
        """Promote 2, roll back, promote 2 …"""
        while not self._stop:
            begun = time.monotonic()
            if len(self.seconds) % 2:
                call("POST", "/models/digit/rollback")
            else:
                call("PUT", "/models/digit/aliases/live", {"version": 2})
            self.seconds.append(time.monotonic() - begun)
            if len(self.seconds) in LOOKED:
                self.memory.setdefault(len(self.seconds), memory(self._process))
            time.sleep(self._pause)

    def during(self, script: Path, connections: int, seconds: int) -> tuple[float, float, int]:
        """What wrk says meanwhile, and how many swaps that were."""
        before, self._stop = len(self.seconds), False
        thread = threading.Thread(target=self.run)
        thread.start()
        rate, tail = load(f"{SERVICE}/predict/digit", script, connections, seconds)
        self._stop = True
        thread.join()
        return rate, tail, len(self.seconds) - before


def call(method: str, path: str, body: object = None) -> None:
    """Ask the service; raises when it refuses."""
    request = urllib.request.Request(
        f"{SERVICE}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def measure(process: subprocess.Popen[bytes], script: Path, chosen: argparse.Namespace) -> None:
    """The table, and what it comes to."""
    swaps = Swaps(process, chosen.pause)
    load(f"{SERVICE}/predict/digit", script, chosen.connections, 3)
    print("| p99 alone | p99 under swaps | ratio | requests/s alone | under swaps | swaps |\n|---|---|---|---|---|---|")
    ratios = []
    for _ in range(chosen.rounds):
        rate, alone = load(f"{SERVICE}/predict/digit", script, chosen.connections, chosen.seconds)
        slowed, swapping, number = swaps.during(script, chosen.connections, chosen.seconds)
        ratios.append(swapping / alone)
        print(f"| {alone:.1f} ms | {swapping:.1f} ms | {ratios[-1]:.2f} | {rate:.0f} | {slowed:.0f} | {number} |")
    print(f"\nmedian of the ratios of p99: {median(ratios):.2f}; longest swap: {max(swaps.seconds):.2f} s")
    looks = ", ".join(f"{size:.0f} MB after {number}" for number, size in swaps.memory.items())
    print(f"memory: {looks}, {memory(process):.0f} MB after {len(swaps.seconds)} swaps")


def main() -> None:
    """Start the service, measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=8)
    options.add_argument("--connections", type=int, default=32)
    options.add_argument("--pause", type=float, default=0.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        publish_second_version(ModelStore(folder / "store"))
        environment = {
            "FITSERVE_PORT": str(PORT),
            "FITSERVE_STORE": str(folder / "store"),
            "FITSERVE_STARTERS": str(STARTERS),
        }
        script = write_script(folder, picture())
        with started([str(BIN / "python"), "-m", "app.main"], PORT, "/health/ready", **environment) as (process, _):
            measure(process, script, options.parse_args())


if __name__ == "__main__":
    main()
