"""/train, /jobs and /models, without a trainer that runs to its end."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.families.imaging import png
from app.settings import Settings
from app.store.model_store import ModelStore
from app.store.opening import open_store
from app.store.version import CARD, PREDICTIONS, checksums
from app.web.app import create_app
from app.web.routes.health import gpus
from tests.drawing import draw_digit

SEVEN = png(draw_digit(7, 28, 2.5))


@pytest.fixture
def idle(settings: Settings) -> Iterator[TestClient]:
    """An application that queues jobs and does not look at them."""
    patient = settings.model_copy(update={"job_poll_seconds": 3600.0, "max_queued": 3})
    app = create_app(patient)
    with TestClient(app) as client:
        app.state.services.supervisor.close()
        yield client


def train(client: TestClient, headers: dict[str, str] | None = None, **body: object):
    return client.post("/train/digit", json={"dataset": "sample", **body}, headers=headers)


def test_a_training_is_accepted_with_the_place_of_its_job(idle: TestClient):
    response = train(idle, epochs=2, seed=7)
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == f"/jobs/{job['id']}"
    assert idle.get(response.headers["location"]).json() == job
    assert job["status"] == "queued"
    assert job["hyperparameters"] == {"dataset": "sample", "epochs": 2, "seed": 7}
    assert (job["progress"], job["attempts"], job["promote"], job["result"]) == (0, 0, "if_better", None)


def test_the_same_key_asks_once(idle: TestClient):
    first, again = (train(idle, {"Idempotency-Key": "monday"}).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert len(idle.get("/jobs").json()) == 1


def test_a_full_queue_refuses_with_a_time_to_come_back(idle: TestClient):
    for _ in range(3):
        assert train(idle).status_code == 202
    refused = train(idle)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


def test_jobs_are_listed_newest_first_and_filtered(idle: TestClient):
    ids = [train(idle).json()["id"] for _ in range(2)]
    assert [job["id"] for job in idle.get("/jobs").json()] == ids[::-1]
    assert [job["id"] for job in idle.get("/jobs?limit=1").json()] == ids[1:]
    assert idle.get("/jobs?status=succeeded").json() == []
    assert idle.get("/jobs?family=other").json() == []
    assert idle.get("/jobs?status=nonsense").status_code == 422


def test_pages_of_jobs_lead_to_the_next(idle: TestClient):
    ids = [train(idle).json()["id"] for _ in range(3)]
    page = idle.get("/jobs?limit=2&family=digit")
    assert [job["id"] for job in page.json()] == ids[:0:-1]
    following = idle.get(page.links["next"]["url"])
    assert [job["id"] for job in following.json()] == ids[:1]
    assert "next" not in following.links
    assert idle.get("/jobs?before=nope").status_code == 404


def test_a_priority_is_kept_and_bounded(idle: TestClient):
    assert train(idle, priority=7).json()["priority"] == 7
    assert train(idle, priority=1000).status_code == 422


def test_a_waiting_job_is_paused_and_resumed(idle: TestClient):
    job = train(idle).json()["id"]
    assert idle.post(f"/jobs/{job}/pause").json()["status"] == "paused"
    assert idle.post(f"/jobs/{job}/resume").json()["status"] == "queued"
    assert idle.post("/jobs/nope/pause").status_code == 404


def test_the_events_of_an_ended_job_are_streamed_and_the_stream_ends(idle: TestClient):
    job = train(idle).json()["id"]
    idle.post(f"/jobs/{job}/cancel")
    stream = idle.get(f"/jobs/{job}/events")
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert [line for line in stream.text.splitlines() if line.startswith("event:")] == [
        "event: queued",
        "event: finished",
    ]
    last = next(line for line in stream.text.splitlines() if line.startswith("id:")).removeprefix("id: ")
    again = idle.get(f"/jobs/{job}/events", headers={"Last-Event-ID": last}).text
    assert "event: queued" not in again
    assert "event: finished" in again
    assert idle.get(f"/jobs/{job}/events?after={last}").text == again
    assert idle.get("/jobs/nope/events").status_code == 404


def test_the_curves_of_a_job_are_rows_csv_and_pictures(idle: TestClient):
    job = train(idle).json()["id"]
    assert idle.get(f"/jobs/{job}/history").json() == []
    assert idle.get(f"/jobs/{job}/plot.svg").status_code == 409
    journal = idle.app.state.services.journal  # type: ignore[attr-defined]
    claimed = journal.claim(60)
    rows = [
        {"phase": "train", "epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.4}
        for epoch in (1, 2, 3)
    ]
    journal.report(claimed, 60, "epoch", **rows[0], progress=0.3, metrics={})
    journal.report(claimed, 60, "resumed", row=rows[1], text="resumed")
    journal.report(claimed, 60, "epoch", **rows[2], progress=0.9, metrics={})
    assert idle.get(f"/jobs/{job}/history").json() == rows
    table = idle.get(f"/jobs/{job}/history.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[0] == "phase,epoch,loss,accuracy,val_loss,val_accuracy"
    assert len(table.text.splitlines()) == 4


def test_the_log_of_a_job_without_a_trainer_is_empty(idle: TestClient):
    job = train(idle).json()["id"]
    assert idle.get(f"/jobs/{job}/log").text == ""
    assert idle.get("/jobs/nope/log").status_code == 404


def test_cancelling_twice_is_cancelling_once(idle: TestClient):
    job = train(idle).json()["id"]
    answers = [idle.post(f"/jobs/{job}/cancel").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["status"] == "cancelled"


def test_a_model_shows_its_versions_and_aliases(client: TestClient):
    (model,) = [one for one in client.get("/models").json() if one["model"] == "digit"]
    assert model == client.get("/models/digit").json()
    assert (model["serving"], model["aliases"], model["faults"]) == (1, {"live": 1}, {})
    (version,) = model["versions"]
    assert version["metrics"]["test_accuracy"] > 0.9
    card = client.get("/models/digit/versions/live").json()
    assert card["labels"] == list("0123456789")
    assert sum(file["size"] for file in card["files"].values()) == version["size"]


@pytest.mark.parametrize("name", ["model.onnx", "model.keras", "confusion.png", "history.png", "evaluation.json"])
def test_the_files_of_a_version_can_be_had(client: TestClient, name: str):
    card = client.get("/models/digit/versions/1").json()
    response = client.get(f"/models/digit/versions/1/files/{name}")
    assert response.status_code == 200
    assert len(response.content) == card["files"][name]["size"]


def test_a_version_can_be_trained_again_from_its_card(client: TestClient, idle: TestClient):
    card = client.get("/models/digit/versions/1").json()
    missing = idle.post("/models/digit/versions/live/reproduce")
    assert missing.status_code == 409, "MNIST is not within reach"
    assert "mnist.npz" in missing.json()["detail"]
    data_dir = idle.app.state.services.settings.data_dir  # type: ignore[attr-defined]
    data_dir.mkdir()
    (data_dir / "mnist.npz").touch()
    job = idle.post("/models/digit/versions/1/reproduce")
    assert job.status_code == 202
    assert job.json()["hyperparameters"] == card["hyperparameters"]
    assert job.json()["promote"] == "never"


@pytest.fixture
def two_versions(client: TestClient, settings: Settings) -> ModelStore:  # noqa: ARG001  it seeds the store
    """The starter a second time, as version 2."""
    store = open_store(settings)
    card = store.card("digit", 1)
    staged = store.stage("test")
    for name in card.files:
        (staged / name).write_bytes((store.folder("digit", 1) / name).read_bytes())
    store.publish(staged, "digit", lambda number: card.model_copy(update={"version": number}))
    return store


@pytest.mark.usefixtures("two_versions")
def test_promoting_and_rolling_back_change_who_answers(client: TestClient):
    promoted = client.put("/models/digit/aliases/live", json={"version": 2}).json()
    assert (promoted["serving"], promoted["aliases"]) == (2, {"live": 2, "previous": 1})
    back = client.post("/models/digit/rollback").json()
    assert (back["serving"], back["aliases"]) == (1, {"live": 1, "previous": 2})


@pytest.mark.usefixtures("two_versions")
def test_two_versions_share_the_requests_until_the_split_ends(client: TestClient):
    def answering() -> set[int]:
        return {client.post("/predict/digit", files={"file": SEVEN}).json()["version"] for _ in range(40)}

    assert client.get("/models/digit").json()["traffic"] == {"1": 100}
    split = client.put("/models/digit/traffic", json={"1": 50, "2": 50}).json()
    assert (split["serving"], split["traffic"]) == (1, {"1": 50, "2": 50})
    assert answering() == {1, 2}
    assert client.delete("/models/digit/versions/2").status_code == 409
    assert client.delete("/models/digit/traffic").json()["traffic"] == {"1": 100}
    assert answering() == {1}


@pytest.mark.usefixtures("two_versions")
@pytest.mark.parametrize(
    ("weights", "status"),
    [
        ({"1": 50, "3": 50}, 404),
        ({"1": 100}, 422),
        ({"1": 1, "2": 1, "3": 1}, 422),
        ({"1": 0, "2": 1}, 422),
        ({"1": -1, "2": 1}, 422),
        ({"1": "a", "2": 1}, 422),
        ({"1": 1, "01": 1}, 422),
        ({"live": 1, "2": 1}, 422),
        ([1, 2], 422),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(client: TestClient, weights: object, status: int):
    assert client.put("/models/digit/traffic", json=weights).status_code == status
    assert client.get("/models/digit").json()["traffic"] == {"1": 100}


@pytest.mark.usefixtures("two_versions")
def test_a_version_in_the_shadow_is_compared_with_what_is_answered(client: TestClient):
    shadow = client.put("/models/digit/aliases/shadow", json={"version": 2}).json()["shadow"]
    assert (shadow["version"], set(shadow["counts"].values())) == (2, {0})
    for _ in range(3):
        assert client.post("/predict/digit", files={"file": SEVEN}).json()["version"] == 1
    assert client.get("/models/digit").json()["shadow"]["counts"]["agreed"] == 3
    counted = 'fitserve_shadow_comparisons_total{model="digit",outcome="agreed",shadow="2",version="1"} 3.0'
    assert counted in client.get("/metrics").text.splitlines()
    ended = client.delete("/models/digit/aliases/shadow").json()
    assert (ended["shadow"], ended["aliases"]) == (None, {"live": 1})
    assert client.delete("/models/digit/aliases/shadow").status_code == 404
    assert client.delete("/models/digit/aliases/live").status_code == 409


def test_texts_have_no_shadow(unchanged: TestClient):
    refused = unchanged.put("/models/lstm/aliases/shadow", json={"version": 1})
    assert (refused.status_code, "no labels to compare" in refused.json()["detail"]) == (409, True)


def test_two_versions_are_compared_by_what_each_guessed(client: TestClient, two_versions: ModelStore):
    predictions = {"1": [0, 1, 2, 3, 9, 9], "2": [0, 1, 2, 9, 4, 8]}
    truth = [0, 1, 2, 3, 4, 5]
    two_versions.promote("digit", 2)
    for number, guessed in predictions.items():
        folder = two_versions.folder("digit", int(number))
        np.save(folder / PREDICTIONS, np.array([truth, guessed], np.uint8))
        card = two_versions.card("digit", int(number))
        (folder / CARD).write_text(card.model_copy(update={"files": checksums(folder)}).model_dump_json())
    seen = client.get("/models/digit/compare", params={"versions": "previous,2"}).json()
    assert (seen["versions"], seen["same_test"]) == ([1, 2], True)
    assert seen["metrics"]["1"] == client.get("/models/digit/versions/1").json()["metrics"]
    assert sum(map(sum, seen["confusion"]["2"])) == 10_000
    assert seen["agreement"] == {
        "examples": 6,
        "both_right": 3,
        "both_wrong": 1,
        "only_right": {"1": 1, "2": 1},
        "disagreements": 3,
    }


def test_versions_from_before_guesses_were_kept_are_compared_by_their_figures(
    client: TestClient, two_versions: ModelStore
):
    folder, card = two_versions.folder("digit", 2), two_versions.card("digit", 2)
    (folder / PREDICTIONS).unlink()
    (folder / CARD).write_text(card.model_copy(update={"files": checksums(folder)}).model_dump_json())
    seen = client.get("/models/digit/compare", params={"versions": "1,2"}).json()
    assert (seen["agreement"], list(seen["confusion"])) == (None, ["1", "2"])


@pytest.mark.parametrize(
    ("versions", "status"), [("1", 422), ("1,1", 409), ("1,7", 404), ("1,2,3", 422), ("../1,1", 422)]
)
def test_what_cannot_be_compared_is_refused(client: TestClient, versions: str, status: int):
    assert client.get("/models/digit/compare", params={"versions": versions}).status_code == status


def test_a_damaged_version_is_not_promoted(client: TestClient, two_versions: ModelStore):
    (two_versions.folder("digit", 2) / "model.onnx").write_bytes(b"spoilt")
    response = client.put("/models/digit/aliases/live", json={"version": 2})
    assert response.status_code == 409
    assert "model.onnx" in response.json()["detail"]
    assert client.get("/models/digit").json()["aliases"] == {"live": 1}


@pytest.mark.usefixtures("two_versions")
def test_an_alias_is_a_name_not_a_number(client: TestClient):
    assert client.put("/models/digit/aliases/2", json={"version": 1}).status_code == 422
    assert client.put("/models/digit/aliases/candidate", json={"version": 2}).status_code == 200
    assert client.get("/models/digit/versions/candidate").json()["version"] == 2


@pytest.mark.usefixtures("two_versions")
def test_a_version_without_alias_is_deleted(client: TestClient):
    assert client.delete("/models/digit/versions/2").status_code == 204
    assert len(client.get("/models/digit").json()["versions"]) == 1


def test_health_says_what_answers(client: TestClient):
    assert client.get("/health/live").json() == {"status": "ok"}
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["models"]["digit"] == {"serving": 1, "loaded": [1], "waiting": 0, "faults": {}}


def test_a_model_without_versions_says_how_to_train_one(settings: Settings, tmp_path: Path):
    bare = settings.model_copy(update={"starters": tmp_path / "none"})
    with TestClient(create_app(bare)) as client:
        response = client.post("/predict/digit", files={"file": b"x"})
        assert response.status_code == 409
        assert "POST /train/digit" in response.json()["detail"]
        assert client.get("/health/ready").status_code == 200


def test_the_openapi_document_describes_bodies_and_problems(client: TestClient):
    document = client.get("/openapi.json").json()
    predict = document["paths"]["/predict/digit"]["post"]
    assert set(predict["requestBody"]["content"]) >= {"multipart/form-data", "application/json", "image/*"}
    assert "422" in predict["responses"]
    train_schema = document["paths"]["/train/digit"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "Train_digit" in str(train_schema)
    assert document["components"]["schemas"]["Train_digit"]["properties"]["epochs"]["description"]
    assert "Problem" in document["components"]["schemas"]


def test_gpus_are_those_that_the_driver_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for number, bus in enumerate(("0000:0a:00.0", "0000:1b:00.0")):
        (tmp_path / "gpus" / bus).mkdir(parents=True)
        told = f"Model: \t\t NVIDIA H{number}00\nIRQ:   \t\t 7\nGPU UUID: \t GPU-{number}\n"
        (tmp_path / "gpus" / bus / "information").write_text(told)
    monkeypatch.setattr("app.web.routes.health.DRIVER", tmp_path)
    assert gpus() == ["NVIDIA H000", "NVIDIA H100"]
    monkeypatch.setattr("app.web.routes.health.DRIVER", tmp_path / "none")
    assert gpus() == []
