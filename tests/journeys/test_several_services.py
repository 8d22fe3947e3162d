"""Several services on one journal and one store: one leads, and nothing is lost when it dies or comes back."""

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.families.imaging import png
from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.drawing import draw_digit
from tests.journeys.test_watch import read
from tests.postgresql import PostgreSQL
from tests.processes import trainers
from tests.service import QUICK, Service
from tests.waiting import until

pytestmark = pytest.mark.train

LEASE = 2.0
SLACK = 4.0  # for polls, and for a machine that has other things to do
SEVEN = png(draw_digit(7, 28, 2.5))


def leader(services: Sequence[Service]) -> Service:
    """The one that leads, as soon as one does."""
    found: list[Service] = until(
        lambda: [one for one in services if one.get("/health/ready")["is_leader"]], LEASE + SLACK, "somebody leads"
    )
    return found[0]


def end_early(service: Service, job: str) -> dict[str, Any]:
    """Have the job publish what it has learned by now."""
    service.client.post(f"/jobs/{job}/cancel", json={"stop_early": True})
    ended: dict[str, Any] = service.wait(job)
    return ended


def test_the_jobs_go_on_when_the_leader_is_killed_and_when_the_next_is_stopped(tmp_path: Path, journal_url: str):
    settings = {"store": tmp_path / "store", "starters": STARTERS, "offline": True, "journal": journal_url}
    long: dict[str, Any] = {**QUICK, "epochs": 1000, "promote": "never"}
    with ExitStack() as stack:
        services = [stack.enter_context(Service(**settings, leader_lease_seconds=LEASE)) for _ in range(3)]
        first = leader(services)
        waiting = [service for service in services if service is not first]
        jobs = [waiting[0].train(**long)]
        waiting[1].wait_until_it_learns(jobs[0])
        first.process.kill()
        first.process.wait()
        jobs.append(waiting[1].train(**long))
        second = leader(waiting)
        third = waiting[1] if second is waiting[0] else waiting[0]
        assert len(trainers(jobs[0])) == 1, "the trainer of the dead leader goes on, and is not started twice"
        assert trainers(jobs[1]) == []
        ended = [end_early(third, jobs[0])]

        third.wait_until_it_learns(jobs[1])
        second.process.send_signal(signal.SIGSTOP)
        try:
            assert leader([third]) is third
            jobs.append(third.train(**long | {"epochs": 2}))
        finally:
            second.process.send_signal(signal.SIGCONT)
        assert not second.get("/health/ready")["is_leader"]
        assert len(trainers(jobs[1])) == 1
        assert second.client.post(f"/jobs/{jobs[2]}/pause").json()["status"] == "paused"
        ended.append(end_early(third, jobs[1]))
        second.client.post(f"/jobs/{jobs[2]}/resume")
        ended.append(third.wait(jobs[2]))
        assert [(job["status"], job["attempts"]) for job in ended] == [("succeeded", 1)] * 3, ended
        assert read(second, jobs[2]) == read(third, jobs[2])
    assert [card.job for card in ModelStore(tmp_path / "store").versions("digit")][1:] == jobs


def test_while_postgresql_restarts_predictions_and_trainings_go_on(tmp_path: Path, postgresql: PostgreSQL):
    settings = {"store": tmp_path / "store", "starters": STARTERS, "offline": True}
    with postgresql.database() as url, Service(**settings, journal=url) as service:
        job = service.train(**QUICK, epochs=1000, promote="never")
        service.wait_until_it_learns(job)
        postgresql.stop()
        try:
            for asked in (service.client.get("/jobs"), service.client.post("/train/digit", json={"dataset": "sample"})):
                assert asked.status_code == 503
                assert "the journal does not work now" in asked.json()["detail"]
            assert service.get("/health/ready")["ready"]
            assert "fitserve_live_version" in service.client.get("/metrics").text
            end = time.monotonic() + 3
            while time.monotonic() < end:
                answer = service.client.post("/predict/digit", files={"file": SEVEN}).json()
                assert answer["label"] == "7"
        finally:
            postgresql.start()
        before = len(service.get(f"/jobs/{job}/history"))
        until(lambda: len(service.get(f"/jobs/{job}/history")) > before + 1, 60, "it goes on")
        ended = end_early(service, job)
        assert (ended["status"], ended["attempts"]) == ("succeeded", 1), ended
        epochs = [row["epoch"] for row in service.get(f"/jobs/{job}/history")]
        assert epochs == list(range(1, len(epochs) + 1)), "none is missing"
