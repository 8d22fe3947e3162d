"""Serving comes first: latency of /predict/digit at a steady rate, idle and while a job trains on the same cores.

    python -m bench.serve_while_training [--rate 200] [--seconds 20]

Requests leave on a clock, whether or not those before were answered, and latency counts from when a request was due:
a stall is felt by all that were due in it. Prints a Markdown table.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from app.settings import STARTERS
from bench.serve_digit import picture
from bench.servers import BOUNDARY, started

BIN = Path(sys.executable).parent
PORT = 8714
CONNECTIONS = 16
TRAINING = {"dataset": "sample", "epochs": 1000, "promote": "never"}


@dataclass(frozen=True)
class Latency:
    """Percentiles in milliseconds, and how many requests failed."""

    p50: float
    p99: float
    worst: float
    failed: int


async def steady(rate: int, seconds: int) -> Latency:
    """Requests at a steady rate over connections that stay open."""
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[float | None] = asyncio.Queue()
    latencies: list[float] = []
    failures = 0
    request = _request(picture())

    async def connection() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        while (moment := await due.get()) is not None:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))[15:])
            await reader.readexactly(length)
            failures += b" 200 " not in head.split(b"\r\n")[0]
            latencies.append(1000 * (loop.time() - moment))
        writer.close()

    connections = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    begun = loop.time()
    for number in range(rate * seconds):
        moment = begun + number / rate
        await asyncio.sleep(max(0.0, moment - loop.time()))
        due.put_nowait(moment)
    for _ in connections:
        due.put_nowait(None)
    await asyncio.gather(*connections)
    cuts = quantiles(latencies, n=100)
    return Latency(cuts[49], cuts[98], max(latencies), failures)


def _request(content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="seven.png"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return (
        f"POST /predict/digit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode() + body


def call(method: str, path: str, body: object = None) -> dict[str, object]:
    """The service's answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, object] = json.load(answer)
    return found


async def training_begins(job: object) -> None:
    """Wait until the job learns."""
    while not call("GET", f"/jobs/{job}")["epoch"]:
        await asyncio.sleep(0.2)


async def measure(rate: int, seconds: int) -> None:
    """The table."""
    await steady(rate, 3)
    rows = [("idle", await steady(rate, seconds))]
    job = call("POST", "/train/digit", TRAINING)["id"]
    rows.append(("while a trainer starts", await steady(rate, 8)))
    await training_begins(job)
    rows.append(("while it trains", await steady(rate, seconds)))
    call("POST", f"/jobs/{job}/cancel")
    print(f"{rate} requests/s to `/predict/digit`\n")
    print("| | p50 | p99 | slowest | failed |\n|---|---|---|---|---|")
    for name, one in rows:
        print(f"| {name} | {one.p50:.1f} ms | {one.p99:.1f} ms | {one.worst:.0f} ms | {one.failed} |")
    print(f"\np99 while it trains to p99 idle: {rows[2][1].p99 / rows[0][1].p99:.1f}")


def main() -> None:
    """Start the service, measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rate", type=int, default=200)
    options.add_argument("--seconds", type=int, default=20)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "FITSERVE_PORT": str(PORT),
            "FITSERVE_STORE": f"{folder}/store",
            "FITSERVE_STARTERS": str(STARTERS),
        }
        with started([str(BIN / "python"), "-m", "app.main"], PORT, "/health/ready", **environment):
            asyncio.run(measure(chosen.rate, chosen.seconds))


if __name__ == "__main__":
    main()
