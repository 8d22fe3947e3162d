"""Many who want pictures at once: readiness is told all the while, and who leaves ends what was for them."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from app.jobs.job import NewJob
from app.jobs.journal import Journal
from app.settings import STARTERS, Settings
from tests.service import Service
from tests.waiting import until

JOBS = 30
EPOCHS = 2


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    store = tmp_path_factory.mktemp("store")
    with Service(store=store, starters=STARTERS, offline=True, run_supervisor=False) as running:
        yield running


@pytest.fixture(scope="module")
def jobs(service: Service) -> list[str]:
    """Jobs with curves to draw."""
    journal = Journal(Settings(store=Path(service.environment["FITSERVE_STORE"])).journal_url, 1)
    journal.open()
    row = {"phase": "train", "loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.4}
    made = []
    for number in range(JOBS):
        new = NewJob(family="digit", model="digit", hyperparameters={"seed": number}, promote="never")
        job, _ = journal.submit(new, JOBS)
        claimed = journal.claim(3600, job.id)
        assert claimed
        for epoch in range(1, EPOCHS + 1):
            journal.report(claimed, 3600, "epoch", **row, epoch=epoch, progress=0.5, metrics={})
        made.append(job.id)
    journal.close()
    return made


def drawing(service: Service) -> int:
    """How many processes draw for the service."""
    number = 0
    for task in Path(f"/proc/{service.process.pid}/task").iterdir():
        for pid in (task / "children").read_text().split():
            with suppress(OSError):
                number += b"app.training.drawing" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return number


def test_readiness_is_told_while_everybody_wants_pictures(service: Service, jobs: list[str]):
    answers: list[int] = []
    most = 0

    def look(job: str) -> None:
        with httpx2.Client(timeout=120) as client:
            answers.append(client.get(f"http://127.0.0.1:{service.port}/jobs/{job}/plot.png").status_code)

    looking = [threading.Thread(target=look, args=(job,)) for job in jobs]
    for thread in looking:
        thread.start()
    waited = []
    while any(thread.is_alive() for thread in looking):
        begun = time.monotonic()
        assert service.client.get("/health/ready").status_code == 200
        waited.append(time.monotonic() - begun)
        most = max(most, drawing(service))
        time.sleep(0.05)
    assert max(waited) < 5
    assert 0 < most <= 2
    assert set(answers) <= {200, 503, 504}
    assert {200, 503} <= set(answers)


def test_a_picture_that_nobody_waits_for_is_not_drawn(service: Service, jobs: list[str]):
    with suppress(httpx2.TimeoutException), httpx2.Client(timeout=0.3) as hurried:
        hurried.get(f"http://127.0.0.1:{service.port}/jobs/{jobs[-1]}/plot.svg")
    until(lambda: not drawing(service), 2, "its process is gone")
    assert service.client.get(f"/jobs/{jobs[-1]}/plot.svg").content.startswith(b"<?xml")
