"""/sweeps: asked for, looked at as a table and as a picture, cancelled, refused."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from app.bootstrap import Services
from app.jobs.job import Status
from app.settings import Settings
from app.web.app import create_app

SPACE = {"learning_rate": {"low": 0.001, "high": 0.02, "log": True}, "network": {"choices": ["compact", "classic"]}}
ASKED = {"family": "digit", "space": SPACE, "trials": 3, "hyperparameters": {"dataset": "sample"}, "promote": "never"}


@pytest.fixture
def idle(settings: Settings) -> Iterator[TestClient]:
    """An application whose supervisor and sweeper look only when they are told to."""
    app = create_app(settings.model_copy(update={"job_poll_seconds": 600, "max_trainers": 2}))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def services(client: TestClient) -> Services:
    found: Services = client.app.state.services  # type: ignore[attr-defined]
    return found


def ask(client: TestClient, **wishes: Any) -> dict[str, Any]:
    response = client.post("/sweeps", json=ASKED | wishes)
    assert response.status_code == 202, response.text
    sweep: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"/sweeps/{sweep['id']}"
    return sweep


def try_one(client: TestClient, accuracy: float, version: int | None = 1) -> None:
    """Carry on, and play the trainer of the next trial."""
    services(client).sweeper.step()
    journal = services(client).journal
    job = journal.claim(60)
    assert job is not None
    journal.report(job, 60, "epoch", phase="train", epoch=1, val_accuracy=accuracy, val_loss=0.5, metrics={})
    result = {"model": "digit", "version": version, "promoted": False, "reason": ""}
    journal.finish(job, Status.SUCCEEDED, result=result)


def test_a_sweep_is_a_table_in_the_end(idle: TestClient):
    sweep = ask(idle)
    assert (sweep["status"], sweep["metric"], sweep["ended"]) == ("running", "val_accuracy", 0)
    for accuracy in (0.7, 0.9, 0.8):
        try_one(idle, accuracy)
    services(idle).sweeper.step()
    seen = idle.get(f"/sweeps/{sweep['id']}").json()
    assert (seen["status"], seen["ended"], seen["best"]["trial"]) == ("succeeded", 3, 2)
    assert seen["result"]["value"] == 0.9
    assert [row["value"] for row in seen["table"]] == [0.7, 0.9, 0.8]
    assert all(set(row["hyperparameters"]) == set(SPACE) for row in seen["table"])
    job = idle.get(f"/jobs/{seen['table'][0]['job']}").json()
    assert (job["sweep"], job["trial"], job["promote"]) == (sweep["id"], 1, "never")
    assert idle.get("/sweeps").json()[0]["id"] == sweep["id"]
    rows = list(csv.DictReader(io.StringIO(idle.get(f"/sweeps/{sweep['id']}/trials.csv").text)))
    assert [(row["trial"], row["value"], row["network"] in ("compact", "classic")) for row in rows] == [
        ("1", "0.7", True), ("2", "0.9", True), ("3", "0.8", True),
    ]  # fmt: skip


def test_the_picture_has_a_line_for_each_trial_with_a_figure(idle: TestClient):
    sweep = ask(idle, trials=3)
    for form in ("svg", "png"):
        assert idle.get(f"/sweeps/{sweep['id']}/plot.{form}").status_code == 409
    try_one(idle, 0.7)
    try_one(idle, 0.9)
    services(idle).sweeper.step()
    response = idle.get(f"/sweeps/{sweep['id']}/plot.svg")
    assert response.headers["content-type"] == "image/svg+xml"
    picture = ElementTree.fromstring(response.text)
    lines = [group for group in picture.iterfind(".//{*}g") if group.get("id", "").startswith("trial-")]
    assert [line.get("id") for line in lines] == ["trial-1", "trial-2"]
    titles = [line.findtext("{*}title") or "" for line in lines]
    assert [title.rpartition("; ")[2] for title in titles] == ["val_accuracy 0.7", "val_accuracy 0.9"]
    assert all("learning_rate 0.0" in title and "network c" in title for title in titles)
    paths = [line.find("{*}path") for line in lines]
    assert all(len(re.findall("[ML]", path.get("d", ""))) == len(SPACE) + 1 for path in paths if path is not None)
    assert ["#d2691e" in (path.get("style") or "") for path in paths if path is not None] == [False, True]
    texts = {text.text for text in picture.iterfind(".//{*}text")}
    assert {"learning_rate", "network", "val_accuracy", "compact"} <= texts
    png = idle.get(f"/sweeps/{sweep['id']}/plot.png")
    assert (png.headers["content-type"], png.content[:4]) == ("image/png", b"\x89PNG")


def test_a_cancelled_sweep_queues_nothing_more(idle: TestClient):
    sweep = ask(idle)
    services(idle).sweeper.step()
    assert idle.post(f"/sweeps/{sweep['id']}/cancel").json()["control_request"] == "cancel"
    for _ in range(2):
        services(idle).sweeper.step()
    seen = idle.get(f"/sweeps/{sweep['id']}").json()
    assert (seen["status"], seen["control_request"], seen["result"]) == ("cancelled", None, None)
    assert [row["status"] for row in seen["table"]] == ["cancelled", "cancelled"]
    assert idle.post(f"/sweeps/{sweep['id']}/cancel").json()["status"] == "cancelled"


def test_the_same_key_gives_the_same_sweep(idle: TestClient):
    first, again = (idle.post("/sweeps", json=ASKED, headers={"Idempotency-Key": "k"}).json() for _ in range(2))
    assert first["id"] == again["id"]


def test_an_unknown_sweep_is_not_found(idle: TestClient):
    for path in ("", "/plot.svg", "/trials.csv"):
        assert idle.get(f"/sweeps/nope{path}").status_code == 404
    assert idle.post("/sweeps/nope/cancel").status_code == 404


@pytest.mark.parametrize(
    ("wishes", "place"),
    [
        ({"space": {}}, ["body", "space"]),
        ({"space": {"learning_rate": {"low": 1}}}, ["body", "space", "learning_rate", "range", "high"]),
        ({"space": {"learning_rate": {"low": 0.1, "high": 7}}}, ["space", "learning_rate", "high"]),
        ({"space": {"nope": {"choices": [1]}}}, ["space", "nope"]),
        ({"trials": 0}, ["body", "trials"]),
        ({"trials": 10**6}, ["trials"]),
        ({"metric": "test_accuracy"}, ["body", "metric"]),
        ({"family": "nope"}, ["family"]),
        ({"hyperparameters": {"epochs": 0}}, ["hyperparameters", "epochs"]),
        ({"stranger": 1}, ["body", "stranger"]),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(idle: TestClient, wishes: dict[str, Any], place: list[str]):
    response = idle.post("/sweeps", json=ASKED | wishes)
    assert response.status_code == 422, response.text
    assert [error["loc"] for error in response.json()["errors"]] == [place]
    assert idle.get("/sweeps").json() == []


def test_missing_data_is_said_before_a_sweep_begins(idle: TestClient):
    response = idle.post("/sweeps", json=ASKED | {"hyperparameters": {}})
    assert (response.status_code, response.json()["type"]) == (409, "urn:fitserve:problem:missing-data")
