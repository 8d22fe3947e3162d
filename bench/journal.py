"""What the journal costs, on SQLite and on PostgreSQL side by side: a write, a claim, a watcher.

    python -m bench.journal [--rounds 5]

The server is Debian's, with the settings it comes with, on this machine; the databases take turns. Two to four minutes.
Prints a table of medians with their least and greatest values.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from app.jobs.event_feed import EventFeed
from app.jobs.job import Job, NewJob
from app.jobs.journal import Journal
from bench.turns import family
from tests.postgresql import PRIVATE, PostgreSQL, programs

WRITERS = 4
WAITING = 500
FACTS = {
    "progress": 0.5,
    "epoch": 3,
    "eta_seconds": 12.5,
    "metrics": {"accuracy": 0.91, "loss": 0.32},
    "examples_per_second": 4321.0,
    "memory_mb": 812,
}
TICKS = os.sysconf("SC_CLK_TCK")
PER_SECOND = 4  # events of a trainer
Figures = dict[str, list[float]]


class Subject:
    """A journal with running and waiting jobs, and processes that write to it."""

    def __init__(self, url: str, server: int | None) -> None:
        self.url = url
        self._server = server
        self.journal = Journal(url).open()
        new = NewJob(family="digit", model="digit", hyperparameters={"epochs": 3})
        for _ in range(WAITING + WRITERS):
            self.journal.submit(new, 10_000)
        self.jobs = [claimed(self.journal) for _ in range(WRITERS)]
        self._pool = ProcessPoolExecutor(WRITERS, get_context("spawn"))
        self.write_together(0.1)  # start them

    def close(self) -> None:
        self._pool.shutdown()
        self.journal.close()

    def write_together(self, seconds: float) -> float:
        """Events a second of all writers."""
        counts = self._pool.map(write, [self.url] * WRITERS, self.jobs, [seconds] * WRITERS)
        return sum(counts) / seconds

    def server_seconds(self) -> float:
        """What the server has spent on the processors."""
        return sum(spent(pid) for pid in family(self._server)) if self._server else 0.0


def spent(pid: int) -> float:
    """Seconds of processor time of a process and its ended children; none of one that has just become such a child."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def claimed(journal: Journal) -> Job:
    job = journal.claim(600)
    assert job is not None
    return job


def write(url: str, job: Job, seconds: float) -> int:
    """Report as fast as it goes; returns how often."""
    journal = Journal(url).open()
    count, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        journal.report(job, 600, "progress", **FACTS)
        count += 1
    journal.close()
    return count


def timed(do: Callable[[], object], times: int) -> float:
    """Milliseconds that one of so many takes."""
    begun = time.perf_counter()
    for _ in range(times):
        do()
    return 1000 * (time.perf_counter() - begun) / times


async def watched(subject: Subject, watchers: int, seconds: float) -> tuple[float, float, float]:
    """Watch one trainer: ms of processor a second, here and in the server, and ms from a write to a watcher."""
    feed, delays = EventFeed(subject.journal, 0.25), []
    job = subject.jobs[0]
    after = subject.journal.newest_events([job.id])[job.id]

    async def watch() -> None:
        async for event in feed.follow(job.id, after):
            delays.append(time.time() - event.data["sent"])

    watching = [asyncio.create_task(watch()) for _ in range(watchers)]
    begun, here, there = time.perf_counter(), time.process_time(), subject.server_seconds()
    while time.perf_counter() < begun + seconds:
        await asyncio.to_thread(subject.journal.report, job, 600, "progress", **FACTS, sent=time.time())
        await asyncio.sleep(1 / PER_SECOND)
    spent = time.process_time() - here, subject.server_seconds() - there
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    return 1000 * spent[0] / seconds, 1000 * spent[1] / seconds, 1000 * statistics.median(delays or [0.0])


def measure(subject: Subject, figures: Figures) -> None:
    """One round."""
    journal, job = subject.journal, subject.jobs[0]
    begun = time.process_time()
    figures["write an event, ms"].append(timed(lambda: journal.report(job, 600, "progress", **FACTS), 300))
    figures["the writer's processor time of it, ms"].append(1000 * (time.process_time() - begun) / 300)
    figures["keep a lease, ms"].append(timed(lambda: journal.report(job, 600), 300))
    figures[f"events a second, {WRITERS} writers"].append(subject.write_together(2))
    begun = subject.server_seconds()
    count = subject.write_together(1)
    figures["the server's processor time of it, ms"].append(1000 * (subject.server_seconds() - begun) / count)
    taken: list[Job] = []
    figures[f"claim a job of {WAITING}, ms"].append(timed(lambda: taken.append(claimed(journal)), 50))
    figures["queue a job, ms"].append(timed(lambda: journal.submit(NewJob(**taken.pop().model_dump()), 10_000), 50))
    figures["look for work, ms"].append(timed(journal.has_work, 300))
    for watchers in (1, 100):
        here, there, delay = asyncio.run(watched(subject, watchers, 4))
        figures[f"{watchers} watchers, ms of processor a second"].append(here)
        figures[f"{watchers} watchers, the server's ms a second"].append(there)
        figures[f"{watchers} watchers, ms from a write to its watcher"].append(delay)


@contextmanager
def subjects() -> Iterator[dict[str, Subject]]:
    """SQLite, and PostgreSQL as it comes."""
    with tempfile.TemporaryDirectory() as folder, PostgreSQL(programs(), PRIVATE) as server, server.database() as url:
        opened = {"SQLite": Subject(f"sqlite:///{folder}/journal.db", None), "PostgreSQL": Subject(url, server.pid)}
        try:
            yield opened
        finally:
            for subject in opened.values():
                subject.close()


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    found: dict[str, Figures] = {}
    with subjects() as opened:
        for _ in range(rounds):
            for name, subject in opened.items():
                measure(subject, found.setdefault(name, defaultdict(list)))
    print(f"| | {' | '.join(found)} |\n|---|{'---|' * len(found)}")
    for figure in next(iter(found.values())):
        cells = [values[figure] for values in found.values()]
        told = [f"{statistics.median(cell):.2f} ({min(cell):.2f} to {max(cell):.2f})" for cell in cells]
        print(f"| {figure} | {' | '.join(told)} |")


if __name__ == "__main__":
    main()
