"""Predictions beside all kinds of attacks at once: what fails, how long the slowest take, and what stays in memory.

    python -m bench.hostile [--seconds 20] [--rate 200] [--rounds 3]

A side client predicts a digit at a steady rate, first alone, then while `bench.attacks` sends every kind it knows from
a process of its own, and once more afterwards. Needs the `train` extra. Prints a table.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from statistics import median

from bench.overload import Seen, load, predict_request, tail
from bench.serve_digit import picture
from bench.servers import fitserve, memory

PORT = 8715
CONNECTIONS = 64
SETTLE = 5.0  # seconds after the last attack


def ended_job(port: int) -> str:
    """A training of the sample, whose curves can be drawn."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/train/digit",
        json.dumps({"dataset": "sample", "epochs": 1, "promote": "never"}).encode(),
        {"Content-Type": "application/json"},
    )
    job: str = json.load(urllib.request.urlopen(asked))["id"]
    while json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/jobs/{job}"))["status"] in ("queued", "running"):
        time.sleep(0.5)
    return job


def attacked(request: bytes, rate: float, seconds: float, job: str) -> tuple[Seen, dict[str, dict[str, int]]]:
    """The side client's answers while everything is sent, and how that was answered."""
    command = [sys.executable, "-m", "bench.attacks", str(PORT), str(seconds), job]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as attacks:
        assert attacks.stdout
        attacks.stdout.readline()
        seen = asyncio.run(load(PORT, request, rate, seconds, CONNECTIONS))
        return seen, json.loads(attacks.stdout.read())


def failures(seen: Seen) -> int:
    """What was not answered with 200, or not sent."""
    return sum(seen.statuses.values()) - seen.statuses[200] + seen.broken + seen.unsent


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--rate", type=float, default=200)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    request = predict_request(picture())
    with fitserve(PORT) as process:
        job = ended_job(PORT)
        asyncio.run(load(PORT, request, chosen.rate, 2, CONNECTIONS))  # warm
        before, rounds = memory(process), []
        for _ in range(chosen.rounds):
            alone = asyncio.run(load(PORT, request, chosen.rate, chosen.seconds, CONNECTIONS))
            beside, told = attacked(request, chosen.rate, chosen.seconds, job)
            peak = memory(process)
            time.sleep(SETTLE)
            rounds.append((alone, beside, peak, memory(process)))
    print("| round | p99 alone | p99 attacked | ratio | failed | memory at the end | memory later |")
    print("|---|---|---|---|---|---|---|")
    for number, (alone, beside, peak, left) in enumerate(rounds, 1):
        ratio = tail(beside) / tail(alone)
        print(
            f"| {number} | {1000 * tail(alone):.1f} ms | {1000 * tail(beside):.1f} ms | {ratio:.2f} "
            f"| {failures(beside)} of {sum(beside.statuses.values())} | {peak:.0f} MB | {left:.0f} MB |"
        )
    ratios = [tail(beside) / tail(alone) for alone, beside, *_ in rounds]
    statuses = ", ".join(f"{status}: {times}" for status, times in sorted(beside.statuses.items()))
    print(f"\nanswers in the last round: {statuses}; without one: {beside.broken}; not sent: {beside.unsent}")
    print(f"median ratio of p99: {median(ratios):.2f}; memory before: {before:.0f} MB")
    for kind, counts in told.items():
        print(f"- {kind}: {', '.join(f'{status}: {times}' for status, times in sorted(counts.items()))}")


if __name__ == "__main__":
    main()
