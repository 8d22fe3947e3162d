"""The same input gets the same labels in the same order through every door, figures within 1e-6."""

import base64
import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.cli.commands import commands
from app.families.imaging import png
from app.settings import STARTERS
from tests.drawing import draw_digit

Scores = list[tuple[str, float]]
HEADER = "Inference-Header-Content-Length"
LABELS = [str(number) for number in range(10)]


def ranked(probabilities: Mapping[str, float]) -> Scores:
    return list(probabilities.items())


def by_index(probabilities: list[float]) -> Scores:
    order = np.argsort(-np.array(probabilities), kind="stable")
    return [(LABELS[index], probabilities[index]) for index in order]


def encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def form(client: TestClient, picture: bytes) -> Scores:
    return ranked(client.post("/predict/digit", files={"file": ("x.png", picture)}).json()["probabilities"])


def body(client: TestClient, picture: bytes) -> Scores:
    answer = client.post("/predict/digit?top_k=10", content=picture, headers={"Content-Type": "image/png"})
    return ranked(answer.json()["probabilities"])


def in_json(client: TestClient, picture: bytes) -> Scores:
    return ranked(client.post("/predict/digit", json={"image": encoded(picture)}).json()["probabilities"])


def batch(client: TestClient, picture: bytes) -> Scores:
    files = [("files", ("x.png", one)) for one in (b"no picture", picture)]
    problem, answer = client.post("/predict/digit/batch", files=files).json()
    assert problem["status"] == 422
    return ranked(answer["probabilities"])


def v2_json(client: TestClient, picture: bytes) -> Scores:
    inputs = [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [encoded(picture)]}]
    answer = client.post("/v2/models/digit/infer", json={"inputs": inputs})
    return by_index(answer.json()["outputs"][0]["data"])


def v2_body(client: TestClient, picture: bytes) -> Scores:
    answer = client.post("/v2/models/digit/infer", content=picture, headers={HEADER: "0"})
    return by_index(np.frombuffer(answer.content[int(answer.headers[HEADER]) :], np.float32).tolist())


def v2_classification(client: TestClient, picture: bytes) -> Scores:
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(picture) + 4}}
    wanted = [{"name": "probabilities", "parameters": {"classification": 10, "binary_data": False}}]
    head = json.dumps({"inputs": [tensor], "outputs": wanted}).encode()
    content = head + struct.pack("<I", len(picture)) + picture
    answer = client.post("/v2/models/digit/infer", content=content, headers={HEADER: str(len(head))})
    parts = [one.split(":") for one in answer.json()["outputs"][0]["data"]]
    return [(label, float(score)) for score, _, label in parts]


def tfs_rows(client: TestClient, picture: bytes) -> Scores:
    answer = client.post("/v1/models/digit:predict", json={"instances": [{"image": {"b64": encoded(picture)}}]})
    return by_index(answer.json()["predictions"][0])


def tfs_columns(client: TestClient, picture: bytes) -> Scores:
    answer = client.post("/v1/models/digit:predict", json={"inputs": {"image": [{"b64": encoded(picture)}]}})
    return by_index(answer.json()["outputs"][0])


def tfs_classify(client: TestClient, picture: bytes) -> Scores:
    answer = client.post("/v1/models/digit:classify", json={"examples": [{"image": {"b64": encoded(picture)}}]})
    return [(label, score) for label, score in answer.json()["results"][0]]


DOORS: list[Callable[[TestClient, bytes], Scores]] = [
    body, in_json, batch, v2_json, v2_body, v2_classification, tfs_rows, tfs_columns, tfs_classify,
]  # fmt: skip


@pytest.fixture(scope="module", params=[3, 7])
def picture(request: pytest.FixtureRequest) -> bytes:
    return png(draw_digit(request.param))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_every_door_gives_the_same_labels_in_the_same_order(
    unchanged: TestClient, picture: bytes, door: Callable[[TestClient, bytes], Scores]
):
    expected, got = form(unchanged, picture), door(unchanged, picture)
    likely = [label for label, score in expected if score > 1e-5]  # noise of float32 orders what is behind
    assert [label for label, _ in got][: len(likely)] == likely
    assert dict(got) == pytest.approx(dict(expected), abs=1e-6)


def test_the_command_line_gives_the_same(
    unchanged: TestClient, picture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "x.png").write_bytes(picture)
    monkeypatch.setenv("FITSERVE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FITSERVE_STARTERS", str(STARTERS))
    monkeypatch.setenv("COLUMNS", "200")
    said = CliRunner().invoke(commands, ["predict", "digit", str(tmp_path / "x.png")])
    (label, probability), (second, other), *_ = form(unchanged, picture)
    assert said.exit_code == 0, said.output
    (row,) = [line for line in said.output.splitlines() if "x.png" in line]
    assert re.findall(r"[\w.%]+", row) == ["x.png", label, f"{probability:.1%}", second, f"{other:.1%}"]


@pytest.mark.parametrize("model", ["rnn", "lstm", "gru"])
def test_a_text_is_continued_the_same_way_by_every_door(
    unchanged: TestClient, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    generated = unchanged.post("/generate", json={"seed_text": "나는 오늘", "model": model, "next_words": 3}).json()
    asked = {"model": model, "prompt": "나는 오늘", "max_tokens": 60, "temperature": 0, "echo": True}
    completed = unchanged.post("/v1/completions", json=asked).json()["choices"][0]["text"]
    assert completed.startswith(generated["text"])
    monkeypatch.setenv("FITSERVE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FITSERVE_STARTERS", str(STARTERS))
    said = CliRunner().invoke(commands, ["generate", "나는 오늘", "--model", model, "--words", "3"])
    assert said.exit_code == 0, said.output
    assert said.stdout.strip() == generated["text"]
