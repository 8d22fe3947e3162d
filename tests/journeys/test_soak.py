"""kill -9 at random moments over a queue of jobs: each is published once, in order, and nothing is left behind.

`make soak` runs the long form; SOAK_KILLS, SOAK_JOBS and SOAK_SEED choose another.
"""

import os
import random
import time
from pathlib import Path

import pytest

from app.store.model_store import ModelStore
from app.store.version import verify
from tests.processes import kill, trainers
from tests.service import QUICK, Service

pytestmark = pytest.mark.train

KILLS = int(os.environ.get("SOAK_KILLS", "6"))
JOBS = int(os.environ.get("SOAK_JOBS", "2"))
LONGEST_PAUSE = 12.0
SECONDS_PER_KILL = 40


def test_jobs_survive_kills_of_trainers_and_services_at_random_moments(tmp_path: Path):
    chance = random.Random(int(os.environ.get("SOAK_SEED", "1")))
    settings = {
        "store": tmp_path / "store",
        "starters": tmp_path,
        "offline": True,
        "lease_seconds": 3,
        "job_poll_seconds": 0.2,
        "max_attempts": 1000,
    }
    service = Service(**settings).__enter__()
    try:
        jobs = [service.train(**QUICK, epochs=2, seed=seed, promote="always") for seed in range(JOBS)]
        deadline = time.monotonic() + SECONDS_PER_KILL * (KILLS + JOBS)
        killed = 0
        while _unfinished(service, jobs) and time.monotonic() < deadline:
            time.sleep(chance.uniform(0.1, LONGEST_PAUSE))
            if killed == KILLS:
                continue
            killed += 1
            running = [pid for job in jobs for pid in trainers(job)]
            if running and chance.random() < 0.6:
                kill(chance.choice(running))
            else:
                kill(service.process.pid)
                service.__exit__()
                service = Service(**settings).__enter__()
        ended = [service.get(f"/jobs/{job}") for job in jobs]
    finally:
        service.__exit__()
    assert [job["status"] for job in ended] == ["succeeded"] * JOBS, ended
    store = ModelStore(tmp_path / "store")
    assert store.faults("digit") == {}
    cards = store.versions("digit")
    assert [card.job for card in cards] == jobs, "once each, and in order"
    for card in cards:
        verify(store.folder("digit", card.version), card)
    assert store.aliases("digit")["live"] == JOBS
    assert list((tmp_path / "store" / ".staging").glob("*")) == []
    assert [pid for job in jobs for pid in trainers(job)] == []


def _unfinished(service: Service, jobs: list[str]) -> bool:
    return any(service.get(f"/jobs/{job}")["status"] in ("queued", "running") for job in jobs)
