"""Traces, received as a collector receives them, and a job followed through the logs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from app.families.imaging import png
from app.settings import STARTERS
from tests.drawing import draw_digit
from tests.receiver import Receiver, receiving
from tests.service import Service

PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Receiver, Path, str]]:
    """What was received of a service that predicted, trained and ended, its folder, and the job."""
    folder: Path = tmp_path_factory.mktemp("traced")
    with receiving() as receiver:
        service = Service(store=folder / "store", starters=STARTERS, offline=True)
        service.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address}
        service.log = folder / "log"
        with service:
            headers = {"traceparent": f"00-{PARENT}-00f067aa0ba902b7-01", "X-Request-ID": "mine"}
            picture = {"file": png(draw_digit(7, 200))}
            assert service.client.post("/predict/digit", files=picture, headers=headers).status_code == 200
            assert service.client.post("/generate", json={"seed_text": "나는"}).status_code == 200
            body, headers = {"dataset": "sample", "epochs": 1}, {"X-Request-ID": "asked"}
            job = service.client.post("/train/digit", json=body, headers=headers).json()["id"]
            assert service.wait(job)["status"] == "succeeded"
        yield receiver, folder, job


@pytest.mark.train
def test_a_prediction_is_a_span_with_its_stages_inside(traced: tuple[Receiver, Path, str]):
    receiver, _, _ = traced
    (request,) = receiver.named("POST /predict/{model}")
    assert request.service == "fitserve"
    assert request.trace.hex() == PARENT
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["request"] == "mine"
    stages = [receiver.named(name)[0] for name in ("decode", "queue", "predict")]
    assert [stage.parent for stage in stages] == [request.span] * 3
    moments = [moment for stage in stages for moment in (stage.start, stage.end)]
    slack = 2_000_000  # ns: two clocks are read, one after the other
    assert all(later >= sooner - slack for sooner, later in pairwise(moments))
    assert request.start - slack <= moments[0] < moments[-1] <= request.end + slack
    assert stages[2].attributes["batch"] == 1
    (generated,) = receiver.named("generate")
    assert generated.parent == receiver.named("POST /generate")[0].span


@pytest.mark.train
def test_a_training_is_linked_to_the_request_that_asked_for_it(traced: tuple[Receiver, Path, str]):
    receiver, _, job = traced
    (request,) = receiver.named("POST /train/digit")
    (trained,) = receiver.named("train")
    assert trained.links == [(request.trace, request.span)]
    assert trained.trace != request.trace
    expected = {"job": job, "model": "digit", "attempt": 1, "status": "succeeded"}
    assert expected.items() <= trained.attributes.items()


@pytest.mark.train
def test_the_log_names_the_trace_and_health_checks_leave_none(traced: tuple[Receiver, Path, str]):
    receiver, folder, _ = traced
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert [line["trace"] for line in lines if line.get("request") == "mine"] == [PARENT]
    assert not any("/health" in span.name for span in receiver.spans)


@pytest.mark.train
def test_a_job_is_followed_by_its_id_through_service_and_trainer(traced: tuple[Receiver, Path, str]):
    _, folder, job = traced
    said = [line for text in (folder / "log").read_text().splitlines() if (line := json.loads(text)).get("job") == job]
    queued, started, *_ = [line for line in said if line["event"] != "request"]
    assert (queued["event"], queued["request"]) == ("job queued", "asked")
    assert {"event": "attempt started", "model": "digit", "attempt": 1}.items() <= started.items()
    assert {line["route"] for line in said if line["event"] == "request"} == {"/jobs/{job}"}
    written = (folder / "store" / ".jobs" / job / "log.txt").read_text().splitlines()
    last = [json.loads(line) for line in written if line.startswith("{")][-1]
    assert {"event": "attempt ended", "status": "succeeded", "job": job}.items() <= last.items()


SCRIPT = """
import sys
{before}
from app.tracing import configure_tracing, current_context, traceparent, span
import app.main
configure_tracing()
with span("x"):
    print(current_context(), traceparent())
print(sorted(name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))))
"""


def said(before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT.format(before=before)]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)


def test_without_an_endpoint_nothing_is_imported():
    assert said().stdout == "None None\n[]\n"


def test_without_the_extra_an_endpoint_is_told_to_be_of_no_use():
    before = "sys.modules['opentelemetry.sdk'] = sys.modules['opentelemetry.exporter'] = None"
    done = said(before, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert done.stdout.splitlines()[0] == "None None"
    assert "the extra `otel` is not installed" in done.stderr


def test_a_collector_that_is_away_stops_nothing(tmp_path: Path):
    service = Service(store=tmp_path / "store", starters=STARTERS)
    service.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with service:
        assert service.client.get("/models").status_code == 200
