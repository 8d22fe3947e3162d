"""kill -9 of the trainer at every stage of a job: the service answers, the store is valid, the job ends well."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from app.families.imaging import png
from app.jobs.journal import Journal
from app.settings import STARTERS, Settings
from app.store.model_store import ModelStore
from app.store.version import verify
from tests.drawing import draw_digit
from tests.service import Caller, Service

pytestmark = pytest.mark.train

STAGES = ("started", "phase", "progress", "epoch", "evaluated", "published")


def test_a_trainer_killed_at_every_stage_leaves_a_valid_store_and_one_version(tmp_path: Path):
    settings = Settings(store=tmp_path / "store", starters=STARTERS, offline=True, max_attempts=len(STAGES) + 1)
    journal = Journal(settings.journal_url)
    with Service(**settings.model_dump(include={"store", "starters", "offline", "max_attempts"})) as service:
        caller = Caller(service, png(draw_digit(7, 28, 2.5)))
        thread = threading.Thread(target=caller)
        thread.start()
        journal.open()
        job = service.train(dataset="sample", epochs=4, promote="always")
        seen = 0
        for attempt, stage in enumerate(STAGES, start=1):
            seen = _kill_at(journal, job, stage, seen)
            _check(ModelStore(settings.store), "digit")
            assert service.get("/health/ready")["ready"]
            assert service.get(f"/jobs/{job}")["attempts"] >= attempt
        ended = service.wait(job)
        caller.stop()
        thread.join()
        events = journal.events(job)
        journal.close()

        assert ended["status"] == "succeeded", ended
        assert ended["attempts"] >= len(STAGES), "the last stage is so short that its trainer may have ended first"
        assert caller.failures == []
        store = ModelStore(settings.store)
        _check(store, "digit")
        assert [card.job for card in store.versions("digit")][1:] == [job], "published once"
        assert store.aliases("digit")["live"] == 2
        assert list((settings.store / ".staging").glob("*")) == []
        epochs = [event.data["epoch"] for event in events if event.kind == "epoch"]
        assert epochs == sorted(epochs), "what was checkpointed is not trained again"


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
            _check(ModelStore(settings.store), "cifar")
        ended = service.wait(job)
        journal.close()
    assert (quiet["status"], ended["status"]) == ("succeeded", "succeeded"), ended
    assert ended["attempts"] == 4
    one, other = ModelStore(settings.store).versions("cifar")
    assert [(row["phase"], row["epoch"]) for row in other.curves] == [
        ("head", 1), ("head", 2), ("fine_tune", 1), ("fine_tune", 2),
    ]  # fmt: skip
    assert [row["loss"] for row in other.curves] == pytest.approx([row["loss"] for row in one.curves], abs=2e-3)
    assert other.metrics["test_accuracy"] == pytest.approx(one.metrics["test_accuracy"], abs=0.02)


def _kill_at(journal: Journal, job: str, stage: str, seen: int) -> int:
    """Kill the trainer as soon as an event of this kind is there, newer than `seen`; returns that event's id."""
    deadline = time.monotonic() + 90
    trainers: list[int] = []
    while time.monotonic() < deadline:
        for event in journal.events(job, after=seen):
            if event.kind == stage:
                for pid in trainers or _trainers(job):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return event.id
        trainers = trainers or _trainers(job)
        time.sleep(0.002)
    raise TimeoutError(f"no event {stage!r}")


def _trainers(job: str) -> list[int]:
    wanted = f"app.training.worker\0{job}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may have ended meanwhile
            if wanted in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def _check(store: ModelStore, model: str) -> None:
    """Every version that is to be seen is whole, and every alias points at one."""
    assert store.faults(model) == {}
    cards = store.versions(model)
    for card in cards:
        verify(store.folder(model, card.version), card)
    assert set(store.aliases(model).values()) <= {card.version for card in cards}
