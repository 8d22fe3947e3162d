"""The store in a bucket: services that share nothing else train, serve, follow each other, and outlive faults."""

import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.families.imaging import png
from app.paths import Bucket
from app.settings import STARTERS, Settings
from app.store.opening import open_store
from tests.bucket_server import BUCKET, BucketServer
from tests.drawing import draw_digit
from tests.processes import kill, trainers
from tests.service import QUICK, Caller, Service
from tests.waiting import until

pytestmark = pytest.mark.train

SEVEN = png(draw_digit(7, 28, 2.5))
SWAP_SECONDS = 2.0


@pytest.fixture
def bucket(bucket_server: BucketServer) -> Bucket:  # noqa: ARG001  has to be there
    return Bucket(BUCKET, f"journeys/{uuid.uuid4().hex}")


def settings(bucket: Bucket, folder: Path, journal: Path | None = None, **more: Any) -> dict[str, Any]:
    """A node with a cache of its own, a journal of its own unless it is told another's, and digits alone."""
    shutil.copytree(STARTERS / "digit", folder / "starters" / "digit", dirs_exist_ok=True)
    return {
        "store": bucket,
        "cache": folder / "cache",
        "journal": f"sqlite:///{journal or folder / 'journal.db'}",
        "starters": folder / "starters",
        "offline": True,
        "store_timeout_seconds": 2,
        **more,
    }


def wait_until(holds: Any, seconds: float) -> float:
    """How long it took until this held."""
    begun = time.monotonic()
    until(holds, seconds, "this held")
    return time.monotonic() - begun


def serving(service: Service) -> int:
    version: int = service.get("/health/ready")["models"]["digit"]["serving"]
    return version


@contextmanager
def current_caller(service: Service) -> Iterator[Caller]:
    """Predicts all the time, and lets nothing fail."""
    caller = Caller(service, SEVEN)
    thread = threading.Thread(target=caller)
    thread.start()
    try:
        yield caller
    finally:
        caller.stop()
        thread.join()
    assert caller.failures == []


@pytest.mark.alone
def test_what_one_service_trains_and_promotes_another_serves_within_two_seconds(bucket: Bucket, tmp_path: Path):
    one, other = settings(bucket, tmp_path / "one"), settings(bucket, tmp_path / "other")
    with Service(**one) as trainer, Service(**other) as follower:
        assert (serving(trainer), serving(follower)) == (1, 1)
        job = trainer.train(**QUICK, epochs=1, promote="never")
        ended = trainer.wait(job)
        assert (ended["status"], ended["result"]["version"]) == ("succeeded", 2), ended
        with current_caller(follower) as caller:
            moved = trainer.client.put("/models/digit/aliases/live", json={"version": 2})
            assert moved.json()["serving"] == 2
            assert wait_until(lambda: serving(follower) == 2, 10) < SWAP_SECONDS
            assert trainer.client.post("/models/digit/rollback").json()["serving"] == 1
            assert wait_until(lambda: serving(follower) == 1, 10) < SWAP_SECONDS
            follower.client.post("/models/digit/rollback")
        assert follower.get("/models/digit/versions/2")["job"] == job
        assert "confusion" in follower.get("/models/digit/versions/2/files/evaluation.json")
        log = trainer.client.get(f"/jobs/{job}/log").text
    assert {answer["version"] for answer in caller.answers} == {1, 2}
    assert "Traceback" not in log

    for node in (one, other):
        shutil.rmtree(str(node["cache"]))
        with Service(**node) as service:
            assert serving(service) == 2
            found = service.get("/models/digit")
            assert [version["job"] for version in found["versions"]][1:] == [job], "published once"
            assert found["aliases"] == {"live": 2, "previous": 1}
            assert service.client.post("/predict/digit", files={"file": SEVEN}).json()["version"] == 2


def test_predictions_go_on_while_the_bucket_does_not_work(bucket: Bucket, bucket_server: BucketServer, tmp_path: Path):
    with Service(**settings(bucket, tmp_path / "one")) as service, current_caller(service) as caller:
        assert service.client.post("/predict/digit?version=1", files={"file": SEVEN}).status_code == 200
        for outage in (bucket_server.failing(503), bucket_server.failing(403, "AccessDenied"), bucket_server.silent()):
            with outage:
                answered = len(caller.answers)
                refused = service.client.put("/models/digit/aliases/candidate", json={"version": 1})
                assert refused.status_code == 503
                assert str(bucket) in refused.json()["detail"]
                assert service.client.post("/predict/digit?version=1", files={"file": SEVEN}).status_code == 200
                assert service.client.get("/health/ready").status_code == 200
                assert len(caller.answers) > answered
        moved = service.client.put("/models/digit/aliases/candidate", json={"version": 1})
        assert moved.json()["aliases"] == {"candidate": 1, "live": 1}


def test_a_training_that_cannot_be_published_fails_with_the_reason_and_keeps_its_checkpoint(
    bucket: Bucket, bucket_server: BucketServer, tmp_path: Path
):
    node = settings(bucket, tmp_path / "one", store_retry_seconds=2)
    with Service(**node) as service:
        job = service.train(**QUICK, epochs=2)
        wait_until(lambda: service.get(f"/jobs/{job}/history"), 150)
        with bucket_server.failing(503, only="PUT"):
            ended = service.wait(job)
        assert ended["status"] == "failed"
        assert f"{bucket} at {bucket_server.url} does not work now" in ended["error"]
        kept = Settings(**node).workspace / job
        assert str(kept) in ended["error"]
        assert list(kept.glob("checkpoint-*"))
        assert "the job failed" in service.client.get(f"/jobs/{job}/log").text
        assert [version["version"] for version in service.get("/models/digit")["versions"]] == [1]
    assert open_store(Settings(**node)).faults("digit") == {}


def test_a_job_whose_node_dies_goes_on_elsewhere_from_its_checkpoint(bucket: Bucket, tmp_path: Path):
    journal = tmp_path / "journal.db"
    shared: dict[str, Any] = {"journal": journal, "lease_seconds": 8, "max_attempts": 9}
    with Service(**settings(bucket, tmp_path / "one", **shared)) as dying:
        job = dying.train(dataset="sample", epochs=6, promote="always")
        wait_until(lambda: len(dying.get(f"/jobs/{job}/history")) >= 2, 150)
        pids = trainers(job)
        kill(dying.process.pid)
        for pid in pids:
            kill(pid)
    shutil.rmtree(tmp_path / "one")
    with Service(**settings(bucket, tmp_path / "other", **shared)) as service:
        ended = service.wait(job)
        assert ended["status"] == "succeeded", ended
        assert ended["attempts"] >= 2
        assert [row["epoch"] for row in service.get(f"/jobs/{job}/history")] == [1, 2, 3, 4, 5, 6]
        events = service.client.get(f"/jobs/{job}/events").text
        assert "resumed after epoch" in events
        wait_until(lambda: serving(service) == 2, SWAP_SECONDS)
    left = open_store(Settings(**settings(bucket, tmp_path / "other"))).jobs.of(job)
    assert not [name for name in left.names() if name.startswith("checkpoint")]


@pytest.mark.usefixtures("bucket_server")
def test_who_cannot_reach_the_bucket_says_so_and_does_not_start(tmp_path: Path, capfd: Any):
    node = settings(Bucket("no-such-bucket"), tmp_path / "one")
    with pytest.raises(RuntimeError, match="did not start"), Service(**node):
        pass
    said = capfd.readouterr().err
    assert "there is no bucket 'no-such-bucket' at http://127.0.0.1" in said
