"""Faults of the machine under a training: a full disk, a locked journal, two services on one store."""

import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.families.imaging import png
from app.settings import STARTERS
from app.store.folder import ALIASES_FILE
from app.store.model_store import ModelStore
from app.store.version import CARD, ONNX, verify
from tests.drawing import draw_digit
from tests.processes import trainers
from tests.service import QUICK, Service
from tests.waiting import until

pytestmark = pytest.mark.train

SEVEN = png(draw_digit(7, 28, 2.5))
DISK = 48  # MB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that a test can fill."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write until nothing more fits."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    return ballast


def predict(service: Service) -> str:
    response = service.client.post("/predict/digit", files={"file": SEVEN})
    assert response.status_code == 200, response.text
    label: str = response.json()["label"]
    return label


def test_a_training_outlives_a_full_disk(small_disk: Path):
    store = small_disk / "store"
    with Service(store=store, starters=STARTERS, offline=True, max_attempts=50, lease_seconds=5) as service:
        job = service.train(dataset="sample", epochs=40, promote="never")
        service.wait_until_it_learns(job)
        ballast = fill(small_disk)
        for _ in range(20):
            assert predict(service) == "7"
            time.sleep(0.3)
        ballast.unlink()
        ended = service.wait(job)
        assert ended["status"] == "succeeded", ended
        assert predict(service) == "7"
    cards = ModelStore(store).versions("digit")
    assert [card.job for card in cards][1:] == [job]
    assert ModelStore(store).faults("digit") == {}
    verify(store / "digit" / "2", cards[1])


def test_a_locked_journal_holds_a_training_up_and_does_no_harm(tmp_path: Path):
    with Service(store=tmp_path / "store", starters=STARTERS, offline=True) as service:
        job = service.train(dataset="sample", epochs=20, promote="never")
        service.wait_until_it_learns(job)
        with sqlite3.connect(tmp_path / "store" / ".journal.db", isolation_level=None) as locker:
            locker.execute("BEGIN IMMEDIATE")
            end = time.monotonic() + 4
            while time.monotonic() < end:
                assert predict(service) == "7"
                time.sleep(0.1)
            locker.execute("ROLLBACK")
        locker.close()
        ended = service.wait(job)
        assert (ended["status"], ended["attempts"]) == ("succeeded", 1), ended


def test_a_read_only_journal_refuses_jobs_and_the_service_goes_on_predicting(tmp_path: Path):
    settings = {"store": tmp_path / "store", "starters": STARTERS, "offline": True}
    training = {**QUICK, "epochs": 1, "promote": "never"}
    with Service(**settings, job_poll_seconds=600) as service:
        job = service.train("digit", **training)
    read_only = f"sqlite:///file:{tmp_path}/store/.journal.db?mode=ro&uri=true"
    with Service(**settings, journal=read_only) as service:
        assert service.get(f"/jobs/{job}")["status"] == "queued"
        refused = service.client.post("/train/digit", json=training)
        assert refused.status_code == 503
        assert "the journal does not work now: attempt to write a readonly database" in refused.json()["detail"]
        assert predict(service) == "7"
    with Service(**settings) as service:
        assert [listed["id"] for listed in service.get("/jobs")] == [job]
        assert service.wait(job)["status"] == "succeeded"


def test_a_damaged_store_serves_its_last_good_version_and_names_each_fault(tmp_path: Path):
    store = ModelStore(tmp_path / "store")
    store.seed(STARTERS)
    starter = store.card("digit", 1)
    for _ in range(5):
        staged = store.stage("copy")
        shutil.copytree(STARTERS / "digit" / "1", staged, dirs_exist_ok=True)
        store.publish(staged, "digit", lambda number: starter.model_copy(update={"version": number}))
    cut, flipped, cardless, copied, later = (store.folder("digit", number) for number in range(2, 7))
    network = (cut / ONNX).read_bytes()
    (cut / ONNX).write_bytes(network[: len(network) // 2])
    (flipped / ONNX).write_bytes(network[:999] + bytes([network[999] ^ 1]) + network[1000:])
    (cardless / CARD).unlink()
    (copied / ONNX).unlink()
    (later / CARD).write_text((later / CARD).read_text().replace('"format": 1', '"format": 2'))
    (tmp_path / "store" / "digit" / ALIASES_FILE).write_text('{"live": 6, "previous"')
    with Service(store=tmp_path / "store", starters=STARTERS) as service:
        assert predict(service) == "7"
        seen = service.get("/models/digit")
    assert (seen["serving"], list(seen["faults"])) == (1, ["2", "3", "4", "5", "6"])
    named = {"2": ONNX, "3": ONNX, "4": CARD, "5": ONNX, "6": CARD}
    assert all(name in seen["faults"][version] for version, name in named.items())


def test_only_the_newest_versions_are_kept_and_those_with_an_alias(tmp_path: Path):
    with Service(store=tmp_path / "store", starters=STARTERS, offline=True, keep_versions=1) as service:
        for _ in range(2):
            ended = service.wait(service.train(**QUICK, epochs=1, promote="never"))
            assert ended["status"] == "succeeded", ended
        assert [version["version"] for version in service.get("/models/digit")["versions"]] == [1, 3]


def test_two_services_on_one_store_run_every_job_once(tmp_path: Path):
    settings = {"store": tmp_path / "store", "starters": tmp_path, "offline": True}
    with Service(**settings) as one, Service(**settings) as other:
        jobs = [service.train(**QUICK, epochs=1, promote="always") for service in (one, other, one)]
        ended = [other.wait(job) for job in jobs]
        assert [(job["status"], job["attempts"]) for job in ended] == [("succeeded", 1)] * 3
        until(
            lambda: all(service.get("/models/digit")["serving"] == 3 for service in (one, other)), 10, "both serve it"
        )
    # each service has a trainer of its own, so the order of the versions is open
    assert Counter(card.job for card in ModelStore(tmp_path / "store").versions("digit")) == Counter(jobs)


def test_a_service_that_is_killed_leaves_its_trainer_to_end_the_job_once(tmp_path: Path):
    settings = {"store": tmp_path / "store", "starters": tmp_path, "offline": True, "lease_seconds": 5}
    with Service(**settings) as first:
        job = first.train(dataset="sample", epochs=20)
        first.wait_until_it_learns(job)
        first.process.kill()
        first.process.wait()
    with Service(**settings) as second:
        assert len(trainers(job)) == 1
        ended = second.wait(job)
        assert (ended["status"], ended["attempts"]) == ("succeeded", 1), ended
    assert [card.job for card in ModelStore(tmp_path / "store").versions("digit")] == [job]
