"""Twice as many digits as the service can do: what is answered, how long that takes, and how it is afterwards.

    python -m bench.overload [--seconds 60] [--factor 2] [--connections 1900]

The load is open: requests leave as a clock says, whatever became of those before, each on a connection that is free.
The sender shares the machine with the service, so the capacity is measured with the same sender. Prints a table.
"""

import argparse
import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from bench.serve_digit import picture
from bench.servers import fitserve, memory

PORT = 8713
TICK = 0.005


@dataclass
class Seen:
    """What came back, and when."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[tuple[float, float]] = field(default_factory=list)  # when it was sent, and the seconds it took
    without_wait: int = 0  # refused, and not told when to come back
    unsent: int = 0  # no connection was free
    broken: int = 0


class Caller(asyncio.Protocol):
    """A connection that has one request under way at most."""

    def __init__(self, seen: Seen, free: list["Caller"]) -> None:
        self._seen = seen
        self._free = free
        self._answer = b""
        self._sent = 0.0
        self.waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._free.append(self)

    def send(self, request: bytes) -> None:
        """A request now."""
        self._sent, self._answer, self.waits = time.perf_counter(), b"", True
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        lower = head.lower()
        at = lower.find(b"content-length: ")
        if not end or len(body) < int(lower[at + 16 :].split(b"\r", 1)[0]):
            return
        status = int(head[9:12])
        self._seen.statuses[status] += 1
        if status == 200:
            self._seen.accepted.append((self._sent, time.perf_counter() - self._sent))
        elif b"retry-after" not in lower:
            self._seen.without_wait += 1
        self.waits = False
        if b"connection: close" not in lower:
            self._free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  as asyncio has it
        self._seen.broken += self.waits
        if self in self._free:
            self._free.remove(self)


async def load(port: int, request: bytes, rate: float, seconds: float, connections: int) -> Seen:
    """So many requests a second for so long, over at most so many connections."""
    loop = asyncio.get_running_loop()
    seen, free, callers = Seen(), [], []  # type: ignore[var-annotated]

    async def connect() -> None:
        _, caller = await loop.create_connection(lambda: Caller(seen, free), "127.0.0.1", port)
        callers.append(caller)

    await asyncio.gather(*(connect() for _ in range(connections)))
    begun, sent = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begun) < seconds:
        due = int(elapsed * rate) - sent
        for _ in range(due):
            if free:
                free.pop().send(request)
            else:
                seen.unsent += 1
        sent += due
        lost = [caller for caller in callers if caller.transport.is_closing()]
        callers[:] = [caller for caller in callers if not caller.transport.is_closing()]
        await asyncio.gather(*(connect() for _ in lost))
        await asyncio.sleep(TICK)
    while any(caller.waits and not caller.transport.is_closing() for caller in callers):
        await asyncio.sleep(TICK)
    for caller in callers:
        caller.transport.close()
    return seen


def predict_request(content: bytes) -> bytes:
    """A digit as the body of a request."""
    head = (
        "POST /predict/digit HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def recovery(seen: Seen, rate: float) -> float:
    """Seconds after which the answers of a load came at 90 % of its rate, in tenths."""
    begun = seen.accepted[0][0]
    ends = np.array([sent + took - begun for sent, took in seen.accepted])
    edges = np.arange(0, ends.max(), 0.1)
    reached = [low for low, high in pairwise(edges) if ((ends >= low) & (ends < high)).sum() >= 0.9 * rate * 0.1]
    return float(reached[0]) if reached else float("inf")


def tail(seen: Seen) -> float:
    """The 99th percentile of the accepted, in seconds."""
    return float(np.percentile([took for _, took in seen.accepted], 99))


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--factor", type=float, default=2)
    options.add_argument("--connections", type=int, default=1900)
    chosen = options.parse_args()
    request = predict_request(picture())
    with fitserve(PORT) as process:
        asyncio.run(load(PORT, request, 100_000, 2, 32))  # warm
        full = asyncio.run(load(PORT, request, 100_000, 5, 32))
        rate = len(full.accepted) / 5
        before = memory(process)
        over = asyncio.run(load(PORT, request, chosen.factor * rate, chosen.seconds, chosen.connections))
        after = asyncio.run(load(PORT, request, 0.9 * rate, 5, 32))
        left = memory(process)
    print("| load | requests/s | answered | refused with Retry-After | other | p99 of the accepted |")
    print("|---|---|---|---|---|---|")
    for name, wanted, seen in (
        ("capacity", rate, full),
        ("overload", chosen.factor * rate, over),
        ("after", 0.9 * rate, after),
    ):
        refused = seen.statuses[429] + seen.statuses[503] - seen.without_wait
        other = sum(seen.statuses.values()) - len(seen.accepted) - refused + seen.broken
        print(f"| {name} | {wanted:.0f} | {len(seen.accepted)} | {refused} | {other} | {1000 * tail(seen):.0f} ms |")
    print(f"\nnot sent in the overload, since no connection was free: {over.unsent}")
    print(f"back at full speed after {recovery(after, 0.9 * rate):.1f} s")
    print(f"memory: {before:.0f} MB before, {left:.0f} MB after")


if __name__ == "__main__":
    main()
