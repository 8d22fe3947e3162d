"""POST /train/text: a corpus by name, in the request or as a file, and what is refused before anything is queued."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.paths import CORPORA
from app.settings import Settings
from app.web.app import create_app
from app.web.problems import MEDIA_TYPE
from tests.corpora import THREE_LINES

LIMIT = 300_000


@pytest.fixture
def idle(settings: Settings) -> Iterator[TestClient]:
    """An application that queues jobs and does not look at them; it has the texts `poems` and `broken`."""
    assert settings.data_dir
    settings.data_dir.mkdir()
    (settings.data_dir / "poems.txt").write_text(THREE_LINES)
    (settings.data_dir / "broken.txt").write_bytes(b"\xff\xfe\x00")
    (settings.data_dir / "empty.txt").write_text(" \n")
    patient = settings.model_copy(update={"job_poll_seconds": 3600.0, "max_queued": 4, "max_corpus_bytes": LIMIT})
    app = create_app(patient)
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.services.supervisor.close()
        yield client


def corpora(settings: Settings) -> list[Path]:
    """What is kept of texts that came with requests."""
    folder = settings.local_folder / CORPORA
    return sorted(folder.iterdir()) if folder.exists() else []


def problem(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    body = response.json()
    return f"{body['detail']} {[fault['msg'] for fault in body.get('errors') or []]}"


def test_the_sample_needs_nothing(idle: TestClient):
    response = idle.post("/train/text", json={})
    assert response.status_code == 202
    assert (response.json()["family"], response.json()["model"]) == ("text", "lstm")


@pytest.mark.parametrize(("cell", "model"), [("simple_rnn", "rnn"), ("rnn", "rnn"), ("lstm", "lstm"), ("gru", "gru")])
def test_the_cell_names_the_model(idle: TestClient, cell: str, model: str):
    assert idle.post("/train/text", json={"cell": cell}).json()["model"] == model


def test_all_queues_a_job_for_each_cell(idle: TestClient):
    response = idle.post("/train/text", json={"cell": "all", "epochs": 3}, headers={"Idempotency-Key": "k"})
    assert response.status_code == 202
    body = response.json()
    assert [job["model"] for job in body["jobs"]] == ["rnn", "lstm", "gru"]
    assert [job["hyperparameters"]["cell"] for job in body["jobs"]] == ["simple_rnn", "lstm", "gru"]
    assert body["id"] == body["jobs"][0]["id"]
    assert response.headers["location"] == f"/jobs/{body['id']}"
    again = idle.post("/train/text", json={"cell": "all", "epochs": 3}, headers={"Idempotency-Key": "k"}).json()
    assert [job["id"] for job in again["jobs"]] == [job["id"] for job in body["jobs"]]
    assert len(idle.get("/jobs").json()) == 3


def test_every_job_of_a_request_has_its_formats(idle: TestClient):
    asked = idle.post("/train/text", json={"cell": "all", "formats": ["savedmodel"]}).json()
    assert [job["formats"] for job in asked["jobs"]] == [["savedmodel"]] * 3
    file = {"file": ("lines.txt", THREE_LINES.encode())}
    assert idle.post("/train/text", data={"formats": "savedmodel"}, files=file).json()["formats"] == ["savedmodel"]
    assert "'savedmodel'" in problem(idle.post("/train/text", json={"formats": ["pickle"]}), 422)
    assert "'savedmodel'" in problem(idle.post("/train/text", data={"formats": "savedmodel,pickle"}, files=file), 422)


def test_without_room_for_all_of_them_none_is_queued(idle: TestClient):
    for _ in range(2):
        idle.post("/train/text", json={})
    assert "jobs are already queued" in problem(idle.post("/train/text", json={"cell": "all"}), 429)
    assert len(idle.get("/jobs").json()) == 2


def test_a_text_in_the_request_is_kept_for_the_trainer_and_not_in_the_journal(idle: TestClient, settings: Settings):
    job = idle.post("/train/text", json={"text": THREE_LINES}).json()
    (kept,) = corpora(settings)
    assert job["hyperparameters"] == {"corpus": kept.stem}
    assert kept.read_text() == THREE_LINES
    idle.post("/train/text", json={"text": THREE_LINES})
    assert corpora(settings) == [kept], "the same text is kept once"
    assert idle.post("/train/text", json={"corpus": kept.stem}).status_code == 202, "and can be asked for again"


def test_an_uploaded_file_is_kept_as_it_is(idle: TestClient, settings: Settings):
    content = ("\ufeff" + THREE_LINES).encode()
    response = idle.post("/train/text", files={"file": ("lines.txt", content)}, data={"cell": "gru", "epochs": "7"})
    assert response.status_code == 202, response.text
    job = response.json()
    (kept,) = corpora(settings)
    assert kept.read_bytes() == content
    assert job["hyperparameters"] == {"cell": "gru", "epochs": 7, "corpus": kept.stem}
    assert response.headers["location"] == f"/jobs/{job['id']}"


@pytest.mark.parametrize("encoding", ["cp949", "utf-16", "utf-32"])
def test_what_korean_windows_writes_is_taken_from_a_form_and_from_the_folder(
    idle: TestClient, settings: Settings, encoding: str
):
    content = THREE_LINES.encode(encoding)
    response = idle.post("/train/text", files={"file": ("lines.txt", content)})
    assert response.status_code == 202, response.text
    (kept,) = corpora(settings)
    assert kept.read_bytes() == content
    assert settings.data_dir
    (settings.data_dir / "windows.txt").write_bytes(content)
    assert idle.post("/train/text", json={"corpus": "windows"}).status_code == 202


def test_corpora_are_named_with_or_without_their_suffix_and_joined(idle: TestClient):
    for corpus in ("poems", "poems.txt", "poems,sample", "sample, poems.txt"):
        assert idle.post("/train/text", json={"corpus": corpus}).status_code == 202, corpus


@pytest.mark.parametrize("corpus", ["novel", "poems,novel", "given-0123456789abcdef", "..", "cafe\u0301"])
def test_an_unknown_corpus_is_refused_with_the_ones_there_are(idle: TestClient, corpus: str):
    assert "available: sample, broken, empty, poems" in problem(idle.post("/train/text", json={"corpus": corpus}), 409)


@pytest.mark.parametrize("corpus", ["../poems", "/etc/passwd", "a\\b", "", ",", "\u0000"])
def test_a_corpus_is_a_name_and_no_path(idle: TestClient, corpus: str):
    problem(idle.post("/train/text", json={"corpus": corpus}), 422)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"text": ""}, "no word"),
        ({"text": " \n\t "}, "no word"),
        ({"text": "하나"}, "only the word '하나'"),
        ({"text": "하나 하나. 하나!"}, "only the word"),
        ({"text": "\ufeff\u200b \u200b"}, "no word"),
        ({"text": "하나 하\u200b나"}, "only the word"),
        ({"text": "가 나", "corpus": "poems"}, "exclude each other"),
        ({"corpus": "broken"}, "not UTF-16"),
        ({"corpus": "empty"}, "no word"),
        ({"cell": "transformer"}, "simple_rnn"),
        ({"epochs": 0}, "greater than or equal"),
        ({"dropout": 1}, "less than 1"),
        ({"vocabulary": "runes"}, "subwords"),
        ({"stranger": 1}, "Extra inputs"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_its_reason(
    idle: TestClient, settings: Settings, body: dict[str, Any], reason: str
):
    assert reason in problem(idle.post("/train/text", json=body), 422)
    assert idle.get("/jobs").json() == []
    assert corpora(settings) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no word"),
        (b" \n", "no word"),
        ("하나".encode(), "only the word"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        (b"one two \x00", "binary"),
        ("가나".encode()[:-1], "not UTF-8"),
        ("가나다 라마바".encode("utf-16-le"), "iconv -f UTF-16LE"),
        ("私は今日、学校へ行きました。".encode("cp932"), "iconv -f CP932"),
        ("a “quoted” word, isn’t it".encode("cp1252"), "iconv -f CP1252"),
    ],
)
def test_a_file_that_is_no_text_is_refused_and_not_kept(
    idle: TestClient, settings: Settings, content: bytes, reason: str
):
    assert reason in problem(idle.post("/train/text", files={"file": content}), 422)
    assert corpora(settings) == []


def test_hyperparameters_of_a_form_are_checked_too(idle: TestClient, settings: Settings):
    upload = {"file": THREE_LINES.encode()}
    assert "integer" in problem(idle.post("/train/text", files=upload, data={"epochs": "many"}), 422)
    assert "exclude each other" in problem(idle.post("/train/text", files=upload, data={"corpus": "poems"}), 422)
    assert "Extra inputs" in problem(idle.post("/train/text", files={"other": b"x"}, data={"cell": "gru"}), 422)
    two = [("file", ("a.txt", b"one two")), ("file", ("b.txt", b"three four"))]
    assert "several" in problem(idle.post("/train/text", files=two), 422)
    assert corpora(settings) == []


@pytest.mark.parametrize(
    "body", [b"", b"--x\r\n", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\none two three']
)
def test_a_form_that_is_cut_off_is_refused(idle: TestClient, settings: Settings, body: bytes):
    response = idle.post("/train/text", content=body, headers={"content-type": "multipart/form-data; boundary=x"})
    problem(response, 422)
    assert corpora(settings) == []


def test_an_upload_over_the_limit_is_refused_by_its_length(idle: TestClient, settings: Settings):
    assert str(LIMIT) in problem(idle.post("/train/text", files={"file": b"a b\n" * LIMIT}), 413)
    assert corpora(settings) == []


def test_an_endless_upload_is_cut_off_at_the_limit(idle: TestClient, settings: Settings):
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(1000):
            sent += 10_000
            yield b"one two \n" * 1000

    headers = {"content-type": "multipart/form-data; boundary=x"}
    problem(idle.post("/train/text", content=endless(), headers=headers), 413)
    assert corpora(settings) == []
