"""Models that users named: trained under their names, listed, served, compared and deleted."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.settings import STARTERS, Settings
from app.store.model_store import ModelStore
from app.store.version import Card, read_card
from app.web.app import create_app
from tests.corpora import THREE_LINES

NAME = "my-diary"


def publish(store: ModelStore, model: str = NAME) -> Card:
    """The starter of `gru` as a version of a model of one's own."""
    card = read_card(STARTERS / "gru" / "1").model_copy(update={"hyperparameters": {"cell": "gru"}})
    staged = store.stage("test")
    shutil.copytree(STARTERS / "gru" / "1", staged, dirs_exist_ok=True)
    return store.publish(staged, model, lambda number: card.model_copy(update={"model": model, "version": number}))


@pytest.fixture
def idle(settings: Settings) -> Iterator[TestClient]:
    """An application that queues jobs and does not look at them."""
    app = create_app(settings.model_copy(update={"job_poll_seconds": 3600.0, "max_models": 2}))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.services.supervisor.close()
        yield client


@pytest.fixture
def store(settings: Settings) -> ModelStore:
    return ModelStore(settings.local_folder)


def reason(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    body = response.json()
    return f"{body['detail']} {[fault['msg'] for fault in body.get('errors') or []]}"


def models(client: TestClient) -> dict[str, Any]:
    return {model["model"]: model for model in client.get("/models").json()}


def test_a_training_is_of_the_model_that_it_names(idle: TestClient):
    asked = idle.post("/train/text", json={"model": NAME, "cell": "gru", "text": THREE_LINES})
    assert (asked.status_code, asked.json()["model"], asked.json()["family"]) == (202, NAME, "text")
    file = {"file": ("lines.txt", THREE_LINES.encode())}
    assert idle.post("/train/text", data={"model": NAME, "cell": "rnn"}, files=file).json()["model"] == NAME
    assert [job["model"] for job in idle.get("/jobs", params={"model": NAME}).json()] == [NAME, NAME]


@pytest.mark.parametrize("name", ["", "All", "a/b", "..", "x" * 64, "all", "text", "digit", "cifar", 7])
def test_a_name_that_cannot_be_is_refused(idle: TestClient, name: object):
    for body in ({"model": name}, {"model": name, "text": THREE_LINES}):
        reason(idle.post("/train/text", json=body), 422)
    assert idle.get("/jobs").json() == []


def test_one_name_is_not_given_to_the_models_of_all_cells(idle: TestClient):
    assert "rnn, lstm, gru" in reason(idle.post("/train/text", json={"model": NAME, "cell": "all"}), 422)


def test_families_whose_models_have_no_names_of_their_own_know_no_such_field(idle: TestClient):
    assert "Extra inputs" in reason(idle.post("/train/digit", json={"model": NAME, "dataset": "sample"}), 422)


def test_more_models_than_allowed_are_refused_before_anything_is_queued(idle: TestClient, store: ModelStore):
    for name in ("one", "two"):
        publish(store, name)
    assert "FITSERVE_MAX_MODELS" in reason(idle.post("/train/text", json={"model": NAME}), 409)
    assert idle.post("/train/text", json={"model": "one"}).status_code == 202
    assert idle.post("/train/text", json={}).status_code == 202


def test_a_sweep_may_be_of_a_model_of_one_s_own(idle: TestClient):
    space = {"cell": {"choices": ["lstm", "gru"]}}
    body = {"family": "text", "space": space, "trials": 2, "hyperparameters": {"text": THREE_LINES}}
    assert "a sweep is of one model" in reason(idle.post("/sweeps", json=body), 422)
    asked = idle.post("/sweeps", json={**body, "model": NAME})
    assert (asked.status_code, asked.json()["model"]) == (202, NAME)
    reason(idle.post("/sweeps", json={**body, "model": "digit"}), 422)


def test_a_named_model_is_listed_served_compared_and_deleted(client: TestClient, store: ModelStore):
    for _ in range(2):
        publish(store)
    store.promote(NAME, 1)
    body = {"model": NAME, "seed_text": "나는 오늘", "next_words": 3}
    answer = client.post("/generate", json=body).json()
    assert (answer["model"], answer["version"], bool(answer["words"])) == (NAME, 1, True)
    listed = models(client)[NAME]
    assert (listed["family"], listed["built_in"], listed["serving"]) == ("text", False, 1)
    assert client.get(f"/models/{NAME}/compare", params={"versions": "1,2"}).json()["same_test"] is True
    assert client.put(f"/models/{NAME}/aliases/live", json={"version": 2}).json()["serving"] == 2
    assert client.delete(f"/models/{NAME}").status_code == 204
    assert NAME not in models(client)
    for gone in (client.get(f"/models/{NAME}"), client.post("/generate", json=body), client.delete(f"/models/{NAME}")):
        assert gone.status_code == 404
    assert client.get("/health/ready").status_code == 200


def test_a_named_model_is_there_after_a_restart_and_in_a_second_service(settings: Settings, store: ModelStore):
    publish(store)
    store.promote(NAME, 1)
    with TestClient(create_app(settings)) as first, TestClient(create_app(settings)) as second:
        for client in (first, second):
            assert models(client)[NAME]["serving"] == 1
        assert first.delete(f"/models/{NAME}").status_code == 204
        assert second.app.state.services.store.models() == ["digit"]  # type: ignore[attr-defined]
    with TestClient(create_app(settings)) as again:
        assert NAME not in models(again)


def test_a_built_in_model_and_one_at_work_are_not_deleted(idle: TestClient, store: ModelStore):
    assert "built in" in reason(idle.delete("/models/lstm"), 409)
    publish(store)
    store.promote(NAME, 1)
    assert idle.post("/generate", json={"model": NAME, "seed_text": "나는"}).status_code == 200
    job = idle.post("/train/text", json={"model": NAME}).json()["id"]
    assert f"job {job}" in reason(idle.delete(f"/models/{NAME}"), 409)
    idle.post(f"/jobs/{job}/cancel")
    assert idle.delete(f"/models/{NAME}").status_code == 204


def test_a_version_is_reproduced_under_the_name_of_its_model(idle: TestClient, store: ModelStore):
    publish(store)
    store.promote(NAME, 1)
    assert idle.post("/generate", json={"model": NAME, "seed_text": "나는"}).status_code == 200
    assert idle.post(f"/models/{NAME}/versions/1/reproduce").json()["model"] == NAME


def test_the_command_that_trains_a_version_again_names_its_model():
    from app.families.catalog import family_named  # noqa: PLC0415
    from app.jobs.job import Job, Status, now  # noqa: PLC0415
    from app.training.version_builder import command  # noqa: PLC0415  heavy

    facts: Any = {"id": "j", "status": Status.RUNNING, "created": now(), "family": "text"}
    text, chosen = family_named("text"), {"cell": "gru"}
    assert command(text, Job(model=NAME, hyperparameters=chosen, **facts)).startswith(
        f"fitserve train text --model {NAME}"
    )
    assert "--model" not in command(text, Job(model="gru", hyperparameters=chosen, **facts))
