"""The log: a line an event, JSON for machines, and what each belongs to."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.families.imaging import png
from app.keys import Scope, create_key
from app.settings import Settings
from app.web.app import create_app
from tests.drawing import draw_digit


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    """The lines since the last look that have these facts."""

    def look(**facts: object) -> list[dict[str, Any]]:
        return [line for line in lines(capfd.readouterr().err) if facts.items() <= line.items()]

    return look


def test_every_request_leaves_a_line_with_its_id(client: TestClient, logged: Callable[..., Any]):
    answer = client.post("/predict/digit", files={"file": png(draw_digit(7, 200))})
    (line,) = logged(event="request")
    assert line["request"] == answer.headers["x-request-id"]
    facts = {"method": "POST", "route": "/predict/{model}", "status": 200, "key": None, "level": "info"}
    assert facts.items() <= line.items()
    assert 0 < line["seconds"] < 10
    assert line["time"].endswith("Z")


def test_machines_that_ask_every_few_seconds_leave_none(client: TestClient, logged: Callable[..., Any]):
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert client.get(path).headers["x-request-id"]
    assert logged(event="request") == []


@pytest.mark.parametrize("given", ["a", "4bf92f35-77b3.4da6:a3/ce+9=@_", "x" * 128])
def test_a_request_may_bring_its_id(client: TestClient, logged: Callable[..., Any], given: str):
    assert client.get("/models", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    assert logged(event="request")[0]["request"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", 'a"b', "é", "a\tb", "<script>"])
def test_an_id_that_is_none_is_replaced(client: TestClient, given: str):
    answered = client.get("/models", headers={b"X-Request-ID": given.encode()}).headers.get_list("x-request-id")
    assert len(answered) == 1
    assert len(answered[0]) == 16


def test_the_line_names_the_key_and_never_tells_it(settings: Settings, tmp_path: Path, logged: Callable[..., Any]):
    key = create_key(tmp_path / "keys", Scope.PREDICT, "phone")
    app = create_app(settings.model_copy(update={"api_keys_file": tmp_path / "keys"}))
    with TestClient(app, headers={"X-API-Key": key}) as client:
        assert client.get("/models").status_code == 200
        assert client.post("/train/digit", json={}).status_code == 403
    seen = logged()
    requests = [(line["key"], line["status"]) for line in seen if line["event"] == "request"]
    assert requests == [("phone", 200), ("phone", 403)]
    assert key not in json.dumps(seen)


def test_a_fault_inside_is_told_with_the_id_that_the_client_has(client: TestClient, logged: Callable[..., Any]):
    app: Any = client.app
    assert isinstance(app, FastAPI)
    app.state.services = None
    answer = client.get("/models", headers={"X-Request-ID": "mine"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["detail"] == "something went wrong here; the log of the service says what"
    fault, request = logged(request="mine")
    assert "AttributeError" in fault["exception"]
    assert (request["event"], request["status"]) == ("request", 500)


SCRIPT = """
import logging
from app.logging import configure_logging, log
configure_logging("INFO", {form!r}, job="j1")
log.info("odd: %s", "\\ud800 나", number=float("nan"))
log.debug("never")
logging.getLogger("library").warning("100%% of %s", "it")
try:
    raise ValueError("why")
except ValueError:
    log.exception("failed")
"""


def said(form: str) -> str:
    command = [sys.executable, "-c", SCRIPT.format(form=form)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def test_json_takes_whatever_comes_and_what_libraries_log():
    odd, library, failed = lines(said("json"))
    assert (odd["event"], odd["job"]) == ("odd: \ud800 나", "j1")
    assert (library["event"], library["logger"], library["level"]) == ("100% of it", "library", "warning")
    assert failed["exception"].endswith("ValueError: why")


def test_people_get_lines_and_plain_tracebacks():
    text = said("console")
    assert "100% of it" in text
    assert "job=j1" in text
    assert "\nValueError: why\n" in text
    assert "╭" not in text


def test_a_log_that_cannot_be_written_stops_nothing():
    script = (
        "from app.logging import configure_logging, log; configure_logging('INFO', 'json'); log.info('x'); print(1)"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=full, text=True)
    assert done.stdout == "1\n"
