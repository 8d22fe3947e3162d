"""A sweep over real trainings, whose web process is killed again and again."""

import time
from pathlib import Path
from typing import Any

import pytest

from app.store.model_store import ModelStore
from tests.service import QUICK, Service

pytestmark = pytest.mark.train

ASKED = {
    "family": "digit",
    "space": {"learning_rate": {"low": 0.001, "high": 0.02, "log": True}, "batch_size": {"choices": [64, 128]}},
    "trials": 3,
    "hyperparameters": {**QUICK, "epochs": 1},
}


def wait_for(service: Service, sweep: str, trials: int, status: str = "") -> dict[str, Any]:
    """The sweep when it has so many trials, and that status if one is given."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        seen: dict[str, Any] = service.get(f"/sweeps/{sweep}")
        if len(seen["table"]) >= trials and seen["status"] in (status or "running", "failed"):
            return seen
        time.sleep(0.05)
    raise TimeoutError(f"sweep {sweep} is not there in time")


def test_a_sweep_survives_kills_of_its_web_process_and_promotes_its_best(tmp_path: Path):
    settings = {"store": tmp_path / "store", "starters": tmp_path, "offline": True, "leader_lease_seconds": 1}
    service = Service(**settings).__enter__()
    try:
        begun = service.client.post("/sweeps", json=ASKED)
        assert begun.status_code == 202, begun.text
        sweep = begun.json()["id"]
        for trials in (1, 2):
            wait_for(service, sweep, trials)
            service.process.kill()
            service.__exit__()
            service = Service(**settings).__enter__()
        ended = wait_for(service, sweep, 3, "succeeded")
        assert ended["status"] == "succeeded", ended
        jobs = [service.get(f"/jobs/{row['job']}") for row in ended["table"]]
        assert [(job["status"], job["attempts"]) for job in jobs] == [("succeeded", 1)] * 3
        assert [row["version"] for row in ended["table"]] == [1, 2, 3]
        assert ended["best"]["value"] == max(row["value"] for row in ended["table"])
        assert ended["result"]["promoted"]
        assert service.get("/models/digit")["aliases"]["live"] == ended["best"]["version"]
        assert service.client.get(f"/sweeps/{sweep}/plot.svg").text.count('<g id="trial-') == 3
    finally:
        service.__exit__()
    assert [card.job for card in ModelStore(tmp_path / "store").versions("digit")] == [job["id"] for job in jobs]
