"""What was answered with an error does not happen later, and leaves nothing; what happens is not told twice."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from app import request_context
from app.bootstrap import Services
from app.datasets.datasets import Datasets
from app.datasets.uploads import clear
from app.families.text import spec
from app.jobs.database import Database
from app.jobs.journal import Journal
from app.keys import Scope, create_key
from app.settings import STARTERS, Settings
from app.store.model_store import ModelStore
from app.submission.training import submit
from app.web.app import create_app
from tests.waiting import until

SECONDS = 1.0  # enough for an ordinary request on a busy machine
TEXT = "나는 오늘 산책을 했다\n너는 어제 책을 읽었다\n"
DIGIT = {"dataset": "sample", "epochs": 1, "promote": "never"}
RATES = {"learning_rate": {"low": 0.001, "high": 0.02}}
SWEEP = {"family": "digit", "space": RATES, "hyperparameters": {"dataset": "sample"}, "trials": 1}


def opened(settings: Settings, **more: Any) -> TestClient:
    chosen = settings.model_copy(update={"run_supervisor": False, **more})
    return TestClient(create_app(chosen), raise_server_exceptions=False)


def services(client: TestClient) -> Services:
    found: Services = client.app.state.services  # type: ignore[attr-defined]
    return found


@pytest.fixture
def hasty(settings: Settings) -> Iterator[TestClient]:
    """An application that gives an answer up soon and starts no trainers."""
    with opened(settings, request_timeout_seconds=SECONDS) as client:
        yield client


class Held:
    """Within it, whoever begins to write to the journal is held up until after the answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on, self.ended = threading.Event(), threading.Semaphore(0)
        real = Database.begin

        @contextmanager
        def slow(database: Database, lock: int | None = None) -> Iterator[Connection]:
            self.go_on.wait(30)
            try:
                with real(database, lock) as connection:
                    yield connection
            finally:
                self.ended.release()

        monkeypatch.setattr(Database, "begin", slow)


REQUESTS: list[Callable[[TestClient, str], Any]] = [
    lambda client, _: client.post("/train/digit", json=DIGIT),
    lambda client, _: client.post("/train/text", json={"text": TEXT, "cell": "all"}),
    lambda client, _: client.post("/train/text", files={"file": TEXT.encode()}),
    lambda client, _: client.post("/sweeps", json=SWEEP),
    lambda client, _: client.post("/models/digit/versions/1/reproduce"),
    lambda client, job: client.post(f"/jobs/{job}/cancel"),
    lambda client, job: client.post(f"/jobs/{job}/cancel", json={"stop_early": True}),
    lambda client, job: client.post(f"/jobs/{job}/pause"),
]


@pytest.mark.parametrize("ask", REQUESTS)
def test_what_took_too_long_is_not_done_afterwards(
    hasty: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ask: Callable[[TestClient, str], Any]
):
    monkeypatch.setattr("app.datasets.datasets.Datasets.check", lambda *_: None)  # digits are not here
    job = hasty.post("/train/digit", json=DIGIT).json()
    held = Held(monkeypatch)
    assert ask(hasty, job["id"]).status_code == 504
    held.go_on.set()
    assert held.ended.acquire(timeout=30)
    assert hasty.get("/jobs").json() == [job]
    assert hasty.get("/sweeps").json() == []
    corpora = tmp_path / "store" / ".corpora"
    until(lambda: list(corpora.glob("*")) == [], 10, "nothing is left of the text")


def test_a_resume_that_took_too_long_leaves_the_job_paused(hasty: TestClient, monkeypatch: pytest.MonkeyPatch):
    job = hasty.post("/train/digit", json=DIGIT).json()["id"]
    assert hasty.post(f"/jobs/{job}/pause").json()["status"] == "paused"
    held = Held(monkeypatch)
    assert hasty.post(f"/jobs/{job}/resume").status_code == 504
    held.go_on.set()
    assert held.ended.acquire(timeout=30)
    assert hasty.get(f"/jobs/{job}").json()["status"] == "paused"


def test_an_alias_that_took_too_long_does_not_move(hasty: TestClient, monkeypatch: pytest.MonkeyPatch):
    store = services(hasty).store
    go_on, ended = threading.Event(), threading.Event()
    real = store._backend.change

    def slow(*arguments: Any) -> Any:
        go_on.wait(30)
        try:
            return real(*arguments)
        finally:
            ended.set()

    monkeypatch.setattr(store._backend, "change", slow)
    assert hasty.put("/models/digit/aliases/mine", json={"version": 1}).status_code == 504
    go_on.set()
    assert ended.wait(30)
    assert store.aliases("digit") == {"live": 1}


def test_what_is_being_done_is_answered_however_long_it_takes(hasty: TestClient, monkeypatch: pytest.MonkeyPatch):
    real = request_context.commit

    def slow() -> None:
        real()
        time.sleep(2 * SECONDS)

    monkeypatch.setattr(request_context, "commit", slow)
    answer = hasty.post("/train/digit", json=DIGIT)
    assert answer.status_code == 202
    assert [job["id"] for job in hasty.get("/jobs").json()] == [answer.json()["id"]]


# ---- what comes along


@pytest.fixture
def full(settings: Settings) -> Iterator[TestClient]:
    """An application whose queue is full, and which tries no more sweeps."""
    with opened(settings, max_queued=1) as client:
        assert client.post("/train/digit", json=DIGIT).status_code == 202
        assert client.post("/sweeps", json=SWEEP).status_code == 202
        yield client


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.post("/train/text", json={"text": TEXT}),
        lambda client: client.post("/train/text", files={"file": TEXT.encode()}),
        lambda client: client.post(
            "/sweeps",
            json={"family": "text", "space": {"units": {"choices": [8, 16]}}, "hyperparameters": {"text": TEXT}},
        ),
    ],
)
def test_a_refused_training_leaves_no_text(full: TestClient, tmp_path: Path, ask: Callable[[TestClient], Any]):
    assert ask(full).status_code == 429
    assert list((tmp_path / "store" / ".corpora").glob("*")) == []


def test_a_text_that_a_job_learns_stays_when_the_next_request_with_it_is_refused(settings: Settings, tmp_path: Path):
    with opened(settings, max_queued=1) as client:
        job = client.post("/train/text", json={"text": TEXT}).json()
        assert client.post("/train/text", json={"text": TEXT}).status_code == 429
        kept = tmp_path / "store" / ".corpora" / f"{job['hyperparameters']['corpus']}.txt"
        assert kept.read_text() == TEXT
        assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_a_text_of_a_process_that_died_before_anything_was_queued_goes_later(tmp_path: Path, journal: Journal):
    datasets = Datasets(None, offline=True, uploads=ModelStore(tmp_path / "store").corpora)
    store = ModelStore(tmp_path / "store")
    limits: Any = {"max_queued": 9, "max_models": 1}
    submit(spec.FAMILY, {"text": TEXT}, "never", store=store, journal=journal, datasets=datasets, **limits)
    abandoned, used = datasets.keep(b"one two"), datasets.keep(TEXT.encode())
    clear(datasets, journal.database)
    assert (datasets.has(abandoned), datasets.has(used)) == (True, True), "it may be that of a request under way"
    for mark in (tmp_path / "store" / ".corpora").glob(".*.new"):
        os.utime(mark, (1, 1))
    clear(datasets, journal.database)
    assert (datasets.has(abandoned), datasets.has(used)) == (False, True)
    assert datasets.unsettled() == []


# ---- once


def test_a_sweep_reads_its_text_once_however_many_combinations_are_checked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text(TEXT * 20)
    read: list[str] = []
    real = Path.read_bytes

    def reading(path: Path) -> bytes:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", reading)
    space = {"units": {"choices": [8, 16, 32]}, "window": {"choices": [8, 16]}, "seed": {"low": 0, "high": 9}}
    with opened(settings) as client:
        asked = {"family": "text", "space": space, "trials": 1, "hyperparameters": {"corpus": "mine"}}
        assert client.post("/sweeps", json=asked).status_code == 202
        assert read.count("mine.txt") == 1
        kept = {**asked, "hyperparameters": {"text": TEXT * 20}}
        answer = client.post("/sweeps", json=kept)
        assert answer.status_code == 202
        assert read.count(f"{answer.json()['hyperparameters']['corpus']}.txt") == 1
        read.clear()
        assert client.post("/train/text", json={"corpus": "mine", "cell": "all"}).status_code == 202
        assert read.count("mine.txt") == 1


def test_a_text_is_no_dimension_of_a_sweep(hasty: TestClient):
    asked = {"family": "text", "space": {"text": {"choices": [TEXT]}}, "trials": 1}
    refused = hasty.post("/sweeps", json=asked)
    assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["space", "text"])


# ---- keys


def keyed(client: TestClient, path: str, body: Any, key: str = "k", **headers: str) -> Any:
    return client.post(path, json=body, headers={"Idempotency-Key": key, **headers})


@pytest.fixture
def idle(settings: Settings) -> Iterator[TestClient]:
    with opened(settings) as client:
        yield client


def test_a_key_with_another_body_is_refused(idle: TestClient):
    for path, body, other in (
        ("/train/digit", DIGIT, {**DIGIT, "epochs": 2}),
        ("/train/digit", DIGIT, {**DIGIT, "priority": 1}),
        ("/train/text", {"text": TEXT, "cell": "all"}, {"text": TEXT}),
        ("/sweeps", SWEEP, {**SWEEP, "trials": 2}),
    ):
        first, again = (keyed(idle, path, body) for _ in range(2))
        assert (first.status_code, again.json()) == (202, first.json())
        refused = keyed(idle, path, other)
        assert refused.status_code == 422, refused.text
        assert "another body" in refused.json()["detail"]
    assert len(idle.get("/jobs").json()) == 1 + 3
    assert len(idle.get("/sweeps").json()) == 1


def test_a_key_of_an_upload_stands_for_its_text(idle: TestClient):
    first, again, other = (
        idle.post("/train/text", files={"file": text.encode()}, headers={"Idempotency-Key": "k"})
        for text in (TEXT, TEXT, TEXT * 2)
    )
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert other.status_code == 422


def test_a_key_belongs_to_one_address(idle: TestClient):
    one, other = keyed(idle, "/train/digit", DIGIT), keyed(idle, "/train/text", {"text": TEXT})
    assert (one.status_code, other.status_code) == (202, 202)
    assert one.json()["id"] != other.json()["id"]


def test_a_key_belongs_to_one_caller(settings: Settings, tmp_path: Path):
    file = tmp_path / "keys"
    callers = [{"X-API-Key": create_key(file, Scope.ADMIN, name)} for name in ("one", "other")]
    with opened(settings, api_keys_file=file) as client:
        jobs = {keyed(client, "/train/digit", DIGIT, **caller).json()["id"] for caller in callers * 2}
        assert len(jobs) == 2
        others = keyed(client, "/train/digit", {**DIGIT, "epochs": 2}, **callers[0])
        assert others.status_code == 422


def test_the_same_key_at_the_same_moment_makes_one_of_everything(journal_url: str, tmp_path: Path):
    settings = Settings(store=tmp_path / "store", starters=STARTERS, offline=True, journal=journal_url)
    with opened(settings, max_queued=1) as client, ThreadPoolExecutor(8) as threads:
        for path, body in (("/train/digit", DIGIT), ("/sweeps", SWEEP)):
            answers = list(threads.map(lambda _, path=path, body=body: keyed(client, path, body), range(16)))
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json()["id"] for answer in answers}) == 1
        bodies = [{**DIGIT, "epochs": epochs} for epochs in range(1, 9)]
        answers = list(threads.map(lambda body: keyed(client, "/train/digit", body, "other"), bodies))
        assert {answer.status_code for answer in answers} <= {422, 429}
