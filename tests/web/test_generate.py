"""POST /generate: versions made from three Korean lines continue them, whole and as streams."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app import cli
from app.families.text.vocabulary import VOCABULARY
from app.serving.sampling import SamplingParameters
from app.serving.word_stream import WordOptions
from app.settings import Settings
from app.store.model_store import ModelStore
from app.store.version import Card, checksums
from app.web.app import create_app
from app.web.problems import MEDIA_TYPE
from tests.corpora import THREE_LINES, train_all_cells
from tests.service import FITSERVE

pytestmark = pytest.mark.train

MODELS = ("rnn", "lstm", "gru")
SEED = "나는 오늘"
DRAWN = {"seed_text": SEED, "next_words": 20, "temperature": 1.5, "seed": 11}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a version of each cell; nobody writes to it."""
    store = tmp_path_factory.mktemp("trained") / "store"
    assert max(train_all_cells(store)) < 60, "CPU seconds"
    return store


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """The folder of a copy of that store."""
    return shutil.copytree(trained, tmp_path / "store")


@pytest.fixture
def store(root: Path) -> ModelStore:
    return ModelStore(root)


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with TestClient(create_app(settings(root)), raise_server_exceptions=False) as opened:
        yield opened


def settings(root: Path) -> Settings:
    return Settings(store=root, starters=root / "none", offline=True, store_poll_seconds=0.05)


def generated(client: TestClient, **body: Any) -> Any:
    response = client.post("/generate", json={"seed_text": SEED, **body})
    assert response.status_code == 200, response.text
    return response.json()


def events(text: str) -> list[tuple[str, Any]]:
    """The events of a stream: their kinds and data."""
    parts = [part.split("\n") for part in text.strip().split("\n\n")]
    return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in parts]


@pytest.mark.parametrize("model", MODELS)
def test_a_known_beginning_is_continued_with_words_of_the_corpus(client: TestClient, model: str):
    answer = generated(client, model=model, next_words=20)
    assert (answer["model"], answer["version"], answer["seed_text"]) == (model, 1, SEED)
    assert answer["text"] in THREE_LINES.splitlines()
    assert answer["text"] == " ".join([SEED, *answer["words"]])
    assert (answer["ignored_words"], answer["from_line_start"], answer["stopped"]) == ([], False, "end_of_line")


def test_no_more_words_come_than_were_asked_for(client: TestClient):
    answer = generated(client, next_words=1)
    assert len(answer["words"]) == 1
    assert answer["stopped"] == "words"


def test_composed_and_decomposed_hangul_are_the_same_text(client: TestClient):
    decomposed = unicodedata.normalize("NFD", SEED)
    assert decomposed != SEED
    answer = generated(client, seed_text=decomposed)
    assert answer == generated(client)
    assert unicodedata.is_normalized("NFC", answer["text"])


@pytest.mark.parametrize("hidden", ["\ufeff나는 오늘", "나\u200b는 오\u200d늘", "나는\u2060 오\u00ad늘\u200c"])
def test_what_cannot_be_seen_does_not_change_a_continuation(client: TestClient, hidden: str):
    assert generated(client, seed_text=hidden) == generated(client)


def test_unknown_words_are_named(client: TestClient):
    assert generated(client)["note"] is None
    answer = generated(client, seed_text="Zebra 나는 오늘")
    assert answer["ignored_words"] == ["Zebra"]
    assert "ignored: Zebra" in answer["note"]
    assert answer["words"] == generated(client)["words"]
    assert answer["text"].startswith("Zebra 나는 오늘 ")


@pytest.mark.parametrize("seed_text", ["zebra", "", "  ...  "])
def test_without_a_known_word_a_new_line_begins_and_the_answer_says_so(client: TestClient, seed_text: str):
    answer = generated(client, seed_text=seed_text, next_words=20)
    assert answer["from_line_start"] is True
    assert " ".join(answer["words"]) in THREE_LINES.splitlines()


@pytest.mark.parametrize("text", ["hello world", "Привет"])
def test_a_beginning_in_another_script_is_told(client: TestClient, text: str):
    answer = generated(client, seed_text=text)
    assert answer["unknown_scripts"] == ["Latin" if text.isascii() else "Cyrillic"]
    assert "has learned Hangul, but not" in answer["note"]
    streamed = client.post("/generate", json={"seed_text": text, "stream": True})
    assert events(streamed.text)[-1] == ("done", answer)


def test_a_line_that_ends_at_once_says_so(client: TestClient):
    line = THREE_LINES.splitlines()[0]
    answer = generated(client, seed_text=line, next_words=5)
    assert (answer["words"], answer["stopped"]) == ([], "end_of_line")
    assert "the model ended the line at once" in answer["note"]


def test_the_same_seed_gives_the_same_text(client: TestClient):
    texts = {generated(client, **DRAWN)["text"] for _ in range(3)}
    assert len(texts) == 1
    drawn = generated(client, **DRAWN | {"seed": None})
    assert drawn["text"] == generated(client, **DRAWN | {"seed": drawn["seed"]})["text"]


def test_alternatives_have_probabilities(client: TestClient):
    answer = generated(client, alternatives=3, next_words=2)
    assert [step["word"] for step in answer["steps"]] == answer["words"]
    for step in answer["steps"]:
        assert len(step["alternatives"]) == 3
        assert step["probability"] >= step["alternatives"][0]["probability"]
    assert "steps" not in generated(client)


@pytest.mark.parametrize("asked", ["body", "header"])
def test_a_stream_has_an_event_for_each_word_and_ends_with_the_whole(client: TestClient, asked: str):
    whole = generated(client, next_words=20)
    response = client.post(
        "/generate",
        json={"seed_text": SEED, "next_words": 20, **({"stream": True} if asked == "body" else {})},
        headers={"accept": "text/event-stream"} if asked == "header" else {},
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    *told, (last, data) = events(response.text)
    assert [kind for kind, _ in told] == ["word"] * len(whole["words"])
    assert [data["word"] for _, data in told] == whole["words"]
    assert [data["index"] for _, data in told] == list(range(len(told)))
    assert (last, data) == ("done", whole)


def test_the_same_seed_streams_the_same_text(client: TestClient):
    *_, (_, data) = events(client.post("/generate", json={**DRAWN, "stream": True}).text)
    assert data["text"] == generated(client, **DRAWN)["text"]


@pytest.mark.parametrize(
    "wish",
    [
        {"next_words": 0},
        {"next_words": 10**9},
        {"next_words": "many"},
        {"temperature": -1},
        {"top_k": 0},
        {"top_p": 0},
        {"top_p": 1.5},
        {"repetition_penalty": 0},
        {"seed": -1},
        {"alternatives": 1000},
        {"seed_text": 5},
        {"seed_text": "가" * 10_001},
        {"stranger": 1},
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, wish: dict[str, Any]):
    response = client.post("/generate", json={"seed_text": SEED, **wish})
    assert response.status_code == 422
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.json()["errors"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"seed_text": "x", "temperature": NaN}', b'{"seed_text": "x", "top_p": Infinity}',
     b'{"seed_text": "\\ud800"}', b'{"seed_text": "\xff"}'],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_refused(client: TestClient, body: bytes):
    response = client.post("/generate", content=body, headers={"content-type": "application/json"})
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == MEDIA_TYPE


def test_models_and_versions_that_are_not_there_are_named(client: TestClient):
    for wish in ({"model": "digit"}, {"model": "nonsense"}, {"version": 9}, {"version": "candidate"}):
        response = client.post("/generate", json={"seed_text": SEED, **wish})
        assert response.status_code == 404, response.text
    assert generated(client, version="live") == generated(client, version=1) == generated(client)
    assert generated(client, model="simple_rnn")["model"] == "rnn"


def test_a_version_is_named_once_in_the_body_or_the_address(client: TestClient):
    wish = {"seed_text": SEED}
    assert client.post("/generate?alias=live", json=wish).json() == generated(client, alias="live") == generated(client)
    assert client.post("/generate?version=9", json=wish).status_code == 404
    for query, named in (("", {"version": 1, "alias": "live"}), ("?version=1", {"alias": "live"})):
        assert client.post(f"/generate{query}", json=wish | named).status_code == 422


def test_a_model_without_a_version_says_how_to_get_one(tmp_path: Path):
    empty = Settings(store=tmp_path / "store", starters=tmp_path / "none", offline=True)
    with TestClient(create_app(empty)) as client:
        response = client.post("/generate", json={"seed_text": SEED})
        assert response.status_code == 409
        assert "POST /train/text" in response.json()["detail"]


def publish_altered(store: ModelStore, content: str | None, *, known: bool = True) -> None:
    """Version 2 of lstm as version 1, live, whose vocabulary is then replaced or, with None, missing."""
    staged = store.stage("test")
    shutil.copytree(store.folder("lstm", 1), staged, dirs_exist_ok=True)
    if not known:
        (staged / VOCABULARY).write_text(str(content))
    card: Card = store.card("lstm", 1).model_copy(
        update={"files": checksums(staged) if not known else store.card("lstm", 1).files}
    )
    store.publish(staged, "lstm", lambda number: card.model_copy(update={"version": number}))
    path = store.folder("lstm", 2) / VOCABULARY
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    store.promote("lstm", 2)


ANOTHER = json.dumps({"format": 1, "kind": "words", "tokens": ["다른", "말"]})


@pytest.mark.parametrize(
    ("content", "known"),
    [(None, True), (ANOTHER, True), (ANOTHER, False)],
    ids=["missing", "altered", "another one of its own card"],
)
def test_a_version_without_its_vocabulary_is_refused_and_the_old_one_keeps_serving(
    client: TestClient, store: ModelStore, content: str | None, known: bool
):
    publish_altered(store, content, known=known)
    deadline = time.monotonic() + 10
    while not (faults := client.get("/models/lstm").json()["faults"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert VOCABULARY in faults["2"]
    assert generated(client)["version"] == 1
    assert client.post("/generate", json={"seed_text": SEED, "version": 2}).status_code == 409


def publish_again(store: ModelStore, model: str) -> None:
    """Version 2 as version 1, live."""
    staged = store.stage("test")
    shutil.copytree(store.folder(model, 1), staged, dirs_exist_ok=True)
    card = store.card(model, 1)
    store.publish(staged, model, lambda number: card.model_copy(update={"version": number}))
    store.promote(model, 2)


def test_a_text_under_way_ends_on_the_version_it_began_with(root: Path, store: ModelStore):
    app = create_app(settings(root))

    async def swap() -> tuple[int, int, list[str]]:
        async with app.router.lifespan_context(app):
            servables = app.state.services.servables
            old = servables.live("gru")
            begun = asyncio.Event()
            wish = WordOptions(1000, SamplingParameters(temperature=50, seed=3))
            generated = old.batcher.submit(old.servable.read(SEED), wish, lambda _: begun.set())
            await begun.wait()
            publish_again(store, "gru")
            await servables.refresh("gru")
            new = servables.live("gru")
            words = [word.text for word in (await generated.done).words]
            same = await new.batcher.submit(new.servable.read(SEED), wish).done
            assert words == [word.text for word in same.words]
            return old.card.version, new.card.version, words

    before, after, words = asyncio.run(swap())
    assert (before, after) == (1, 2)
    assert words


def test_the_command_line_writes_word_by_word(root: Path):
    environment = {"PATH": "/usr/bin:/bin", "FITSERVE_STORE": str(root), "FITSERVE_STARTERS": str(root)}
    command = [str(FITSERVE), "generate", SEED, "--words", "20", "--model", "gru"]
    said = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert said.stdout.rstrip("\n") in THREE_LINES.splitlines()


def test_the_command_line_says_what_became_of_a_text(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FITSERVE_STORE", str(root))
    monkeypatch.setenv("FITSERVE_STARTERS", str(root))

    def generate(*words: str) -> tuple[Any, str, str]:
        """The exit code, what was written, and what was said beside it, in one line."""
        monkeypatch.setattr(sys, "argv", ["fitserve", "generate", *words])
        with pytest.raises(SystemExit) as ended:
            cli.app()
        written, said = capsys.readouterr()
        return ended.value.code, written, " ".join(said.split())

    _, _, said = generate("[zebra]", "--temperature", "0.5", "--seed", "1")
    assert "[zebra]" in said
    assert "begins like a new line" in said
    _, written, said = generate(THREE_LINES.splitlines()[0])
    assert written == THREE_LINES.splitlines()[0] + "\n"
    assert "ended the line at once" in said
    code, _, said = generate(os.fsdecode(SEED.encode("cp949")))
    assert code == 1
    assert "the text is not UTF-8" in said
    assert generate(SEED, "--temperature", "nan")[0] == 2
    assert generate(SEED, "--words", "0")[0] == 2
    assert "models: rnn, lstm, gru" in generate(SEED, "--model", "digit")[2]


def test_a_client_that_leaves_stops_its_generation(root: Path):
    """The application called as a server calls it; the client hangs up after the first word."""
    app = create_app(settings(root))

    async def hang_up() -> tuple[int, int]:
        body = json.dumps({**DRAWN, "next_words": 1000, "temperature": 50, "stream": True}).encode()
        heard = asyncio.Event()
        sent: list[bytes] = []
        requests = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            if message := next(requests, None):
                return message
            await heard.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                sent.append(message["body"])
                heard.set()

        scope = {
            "type": "http", "method": "POST", "path": "/generate", "raw_path": b"/generate", "query_string": b"",
            "headers": [(b"content-type", b"application/json")], "asgi": {"spec_version": "2.3", "version": "3.0"},
            "http_version": "1.1", "scheme": "http", "server": ("test", 80), "client": ("test", 1), "root_path": "",
        }  # fmt: skip
        async with app.router.lifespan_context(app):
            batcher = app.state.services.servables.live("lstm").batcher
            steps = 0
            stepping = batcher._generator.step

            def step(*arguments: Any) -> Any:
                nonlocal steps
                steps += 1
                return stepping(*arguments)

            batcher._generator.step = step
            await app({**scope}, receive, send)
            after = steps
            await asyncio.sleep(0.1)
            return after, steps

    after, later = asyncio.run(hang_up())
    assert later <= after + 1
    assert after < 100
