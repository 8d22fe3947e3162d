"""kill -9 of the trainer at every line that matters: the service answers, the store is valid, the job ends well."""

import os
import threading
import time
from pathlib import Path

import pytest

from app.families.imaging import png
from app.jobs.journal import Journal
from app.settings import STARTERS, Settings
from app.store.model_store import ModelStore
from app.store.opening import open_store
from app.store.version import verify
from tests.drawing import draw_digit
from tests.processes import kill, trainers
from tests.service import Caller, Service

pytestmark = pytest.mark.train

KILLING = Path(__file__).resolve().parents[1] / "killing"

# Where a trainer is killed, each in an attempt of its own.
POINTS = {
    "reading data": "app.families.digit.data:draw_sample:before:1",
    "within an epoch": "app.training.training_loop:_ProgressCallback.on_train_batch_end:before:7",
    "a checkpoint written, not yet in place": "pathlib:Path.replace:before:1",
    "a checkpoint in place, its epoch not yet told": "pathlib:Path.replace:after:4",
    "exporting": "app.training.export:export:after:1",
    "staged, not yet published": "app.store.folder:sync_tree:after:1",
    "published, not yet in the journal": "app.store.model_store:ModelStore.publish:after:1",
    "in the journal, not yet promoted": "app.versions.promotion:promote:before:1",
    "promoted, not yet ended": "app.store.model_store:ModelStore.promote:after:1",
}


def test_a_trainer_killed_at_every_line_that_matters_leaves_a_valid_store_and_one_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    used = tmp_path / "used"
    used.mkdir()
    monkeypatch.setenv("KILL_POINTS", " ".join(POINTS.values()))
    monkeypatch.setenv("KILL_FOLDER", str(used))
    monkeypatch.setenv("PYTHONPATH", str(KILLING), prepend=os.pathsep)
    root = tmp_path / "store"
    store = ModelStore(root)
    with Service(store=root, starters=STARTERS, offline=True, max_attempts=len(POINTS) + 1) as service:
        caller = Caller(service, png(draw_digit(7, 28, 2.5)))
        thread = threading.Thread(target=caller)
        thread.start()
        job = service.train(dataset="sample", epochs=4, promote="always")
        for number in range(len(POINTS)):
            _wait_for(used / str(number))
            _check(store, "digit")
            assert service.get("/health/ready")["ready"]
        ended = service.wait(job)
        rows = service.get(f"/jobs/{job}/history")
        caller.stop()
        thread.join()
    assert (ended["status"], ended["attempts"]) == ("succeeded", len(POINTS) + 1), ended
    assert caller.failures == []
    _check(store, "digit")
    assert [card.job for card in store.versions("digit")][1:] == [job], "published once"
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4], "and no epoch is missing"
    assert store.aliases("digit")["live"] == 2
    assert list((root / ".staging").glob("*")) == []


def test_a_transfer_killed_in_each_phase_ends_as_an_uninterrupted_one(tmp_path: Path):
    recipe = {"recipe": "classic", "weights": "none", "dataset": "sample", "head_epochs": 2, "fine_tune_epochs": 2}
    settings = Settings(store=tmp_path / "store", starters=tmp_path, offline=True, max_attempts=9)
    journal = Journal(settings.journal_url)
    with Service(**settings.model_dump(include={"store", "starters", "offline", "max_attempts"})) as service:
        journal.open()
        quiet = service.wait(service.train("cifar", promote="never", **recipe))
        job = service.train("cifar", promote="never", **recipe)
        seen = 0
        for stage in ("epoch", "epoch", "epoch"):
            seen = _kill_at(journal, job, stage, seen)
            _check(open_store(settings), "cifar")
        ended = service.wait(job)
        journal.close()
    assert (quiet["status"], ended["status"]) == ("succeeded", "succeeded"), ended
    assert ended["attempts"] == 4
    one, other = open_store(settings).versions("cifar")
    assert [(row["phase"], row["epoch"]) for row in other.curves] == [
        ("head", 1), ("head", 2), ("fine_tune", 1), ("fine_tune", 2),
    ]  # fmt: skip
    assert [row["loss"] for row in other.curves] == pytest.approx([row["loss"] for row in one.curves], abs=2e-3)
    assert other.metrics["test_accuracy"] == pytest.approx(one.metrics["test_accuracy"], abs=0.02)


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 90
    while not path.exists():
        assert time.monotonic() < deadline, f"no trainer came to point {path.name}"
        time.sleep(0.02)


def _kill_at(journal: Journal, job: str, stage: str, seen: int) -> int:
    """Kill the trainer as soon as an event of this kind is there, newer than `seen`; returns that event's id."""
    deadline = time.monotonic() + 90
    pids: list[int] = []
    while time.monotonic() < deadline:
        for event in journal.events(job, after=seen):
            if event.kind == stage:
                for pid in pids or trainers(job):
                    kill(pid)
                return event.id
        pids = pids or trainers(job)
        time.sleep(0.002)
    raise TimeoutError(f"no event {stage!r}")


def _check(store: ModelStore, model: str) -> None:
    """Every version that is to be seen is whole, and every alias points at one."""
    assert store.faults(model) == {}
    cards = store.versions(model)
    for card in cards:
        verify(store.folder(model, card.version), card)
    assert set(store.aliases(model).values()) <= {card.version for card in cards}
