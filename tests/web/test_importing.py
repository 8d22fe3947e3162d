"""POST /models/{model}/import: a network from elsewhere becomes a version, or leaves nothing behind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.families.imaging import png
from app.settings import STARTERS, Settings
from app.store.version import FAMILIARITY, KERAS, ONNX
from app.web.app import create_app
from app.web.problems import MEDIA_TYPE
from tests.drawing import draw_digit

SEVEN = png(draw_digit(7, 28, 2.5))
LIMIT = 30_000_000


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        store=tmp_path_factory.mktemp("store"), starters=STARTERS, offline=True, max_import_bytes=LIMIT, max_loaded=4
    )


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_left(settings: Settings) -> Iterator[None]:
    """Whatever became of an import, nothing of it is in the staging area."""
    yield
    assert list((settings.local_folder / ".staging").iterdir()) == []


def brought(client: TestClient, model: str, file: bytes, like: str = "live") -> Any:
    return client.post(f"/models/{model}/import", params={"like": like}, files={"file": ("x", file)})


def refused(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    detail: str = response.json()["detail"]
    return detail


def starter(model: str, name: str) -> bytes:
    return (STARTERS / model / "1" / name).read_bytes()


@pytest.mark.train
def test_a_keras_file_becomes_a_version_that_answers_and_is_trained_on_nothing(client: TestClient):
    response = brought(client, "digit", starter("digit", KERAS))
    assert response.status_code == 201, response.text
    card = response.json()
    assert response.headers["location"] == f"/models/digit/versions/{card['version']}"
    assert {KERAS, ONNX} == set(card["files"]) - {FAMILIARITY}
    assert (card["data"], card["metrics"], card["labels"][7]) == (None, {}, "7")
    answer = client.post("/predict/digit", params={"version": card["version"]}, files={"file": SEVEN}).json()
    assert (answer["label"], answer["version"]) == ("7", card["version"])
    assert client.get("/models/digit").json()["aliases"] == {"live": 1}
    reproduced = client.post(f"/models/digit/versions/{card['version']}/reproduce")
    assert "imported" in refused(reproduced, 409)
    compared = client.get("/models/digit/compare", params={"versions": f"1,{card['version']}"}).json()
    assert (compared["same_test"], list(compared["confusion"])) == (False, ["1"])


def test_an_onnx_file_of_a_text_model_gets_the_vocabulary_of_the_version_it_is_like(client: TestClient):
    card = brought(client, "gru", starter("gru", ONNX), like="1").json()
    wish = {"model": "gru", "seed_text": "나는 오늘", "next_words": 8}
    texts = [
        client.post("/generate", json={**wish, "version": version}).json()["text"]
        for version in ("1", str(card["version"]))
    ]
    assert texts[0] == texts[1]
    assert client.put("/models/gru/aliases/live", json={"version": card["version"]}).status_code == 200


@pytest.mark.parametrize(
    ("model", "like", "content", "status", "reason"),
    [
        ("digit", "live", b"no network", 422, "expected a .keras or an .onnx file"),
        ("digit", "live", starter("cifar", ONNX), 422, "expected float32 [-1, 28, 28, 1]"),
        ("digit", "live", b"PK\3\4", 422, "expected a .keras or an .onnx file"),
        ("digit", "9", starter("digit", ONNX), 404, "no version 9"),
        ("digit", "nobody", starter("digit", ONNX), 404, "nobody"),
        ("nothing", "live", starter("digit", ONNX), 404, "nothing"),
        ("digit", "live", bytes(LIMIT + 1), 413, "bytes"),
    ],
)
def test_what_is_no_such_network_is_refused_with_the_reason(
    client: TestClient, model: str, like: str, content: bytes, status: int, reason: str
):
    before = len(client.get("/models/digit").json()["versions"])
    assert reason in refused(brought(client, model, content, like), status)
    assert len(client.get("/models/digit").json()["versions"]) == before


def test_a_request_without_the_file_is_told_where_it_belongs(client: TestClient):
    unnamed = client.post("/models/digit/import", files={"network": b"x"})
    assert "'file'" in refused(unnamed, 422)
    bare = client.post("/models/digit/import", content=b"x", headers={"Content-Type": "application/octet-stream"})
    assert "curl -F" in refused(bare, 415)


def test_one_import_at_a_time(client: TestClient):
    client.app.state.importing = True  # type: ignore[attr-defined]
    try:
        refused(brought(client, "digit", starter("digit", ONNX)), 429)
    finally:
        client.app.state.importing = False  # type: ignore[attr-defined]


@pytest.mark.train
def test_an_import_that_takes_too_long_is_ended(tmp_path: Path, settings: Settings):
    hurried = settings.model_copy(update={"store": tmp_path / "store", "request_timeout_seconds": 0.5})
    app = create_app(hurried)
    with TestClient(app, raise_server_exceptions=False) as client:
        refused(brought(client, "digit", starter("digit", KERAS)), 504)  # TensorFlow's import alone takes longer
        assert app.state.importing is False
        assert list((hurried.local_folder / ".staging").iterdir()) == []
        assert len(client.get("/models/digit").json()["versions"]) == 1
