"""What a replica costs: processor time and memory for a digit, alone, under Ray Serve, and of the proxy before it.

    python -m bench.serve_replicas [--rounds 3] [--seconds 4] [--connections 16]

Needs wrk, and the extra `cluster`. Processor time, unlike requests a second, hardly depends on what else the machine
does. Prints a Markdown table.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from app.settings import STARTERS, Settings
from bench.serve_digit import picture
from bench.servers import load, started, write_script
from tests.cluster.cluster import RayCluster
from tests.cluster.replicas import Replicas, deployed

BIN = Path(sys.executable).parent
PORT = 8713
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pids: Iterable[int]) -> float:
    """What these processes have used so far."""
    fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids)
    return sum(int(one[11]) + int(one[12]) for one in fields) / TICKS


def resident(pid: int) -> float:
    """Memory in MB, and how much of it no other process shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name.rstrip(":"): int(size) for name, size, *_ in map(str.split, lines)}
    return (sizes["Private_Clean"] + sizes["Private_Dirty"]) / 1024


def proxies() -> list[int]:
    """The processes of HAProxy."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/comm") if path.read_text() == "haproxy\n"]


class Way:
    """A way to the same application: where it is asked, and the processes that work for it there."""

    def __init__(self, name: str, port: int, pids: Iterable[int]) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}/predict/digit"
        self.pids = list(pids)
        self.rates: list[float] = []
        self.costs: list[list[float]] = []

    def measure(self, script: Path, connections: int, seconds: int) -> None:
        """One round."""
        before = [processor_seconds([pid]) for pid in self.pids]
        rate, _ = load(self.url, script, connections, seconds)
        self.rates.append(rate)
        used = [processor_seconds([pid]) - then for pid, then in zip(self.pids, before, strict=True)]
        self.costs.append([1e6 * one / (rate * seconds) for one in used])

    def row(self) -> str:
        """As a line of the table: processor time of each of its processes."""
        costs = " + ".join(f"{median(costs):.0f}" for costs in zip(*self.costs, strict=True))
        return f"| {self.name} | {costs} | {median(self.rates):.0f} |"


def ways(alone: int, replicas: Replicas) -> list[Way]:
    ((replica, port),) = replicas.running().items()
    return [
        Way("`fitserve up`", PORT, [alone]),
        Way("a replica, asked directly", port, [replica]),
        Way("HAProxy + a replica", replicas.port, [*proxies(), replica]),
    ]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--connections", type=int, default=16)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name, RayCluster() as cluster:
        folder = Path(name)
        script = write_script(folder, picture())
        shared = Settings(store=folder / "store", starters=STARTERS, offline=True, allow_unauthenticated=True)
        settings = {
            "FITSERVE_STORE": str(folder / "alone"),
            "FITSERVE_STARTERS": str(STARTERS),
            "FITSERVE_PORT": str(PORT),
        }
        with (
            deployed(cluster, shared, folder, replicas=1) as replicas,
            started([str(BIN / "fitserve"), "up"], PORT, "/health/ready", **settings) as (alone, _),
        ):
            measured = ways(alone.pid, replicas)
            for _ in range(chosen.rounds):
                for way in measured:
                    way.measure(script, chosen.connections, chosen.seconds)
            memory = [resident(way.pids[-1]) for way in measured[:2]]
    print("| way | processor time a request, µs | requests/s |\n|---|---|---|")
    print("\n".join(way.row() for way in measured))
    print(f"\nMemory of their own: {memory[0]:.0f} MB alone, {memory[1]:.0f} MB as a replica.")


if __name__ == "__main__":
    main()
