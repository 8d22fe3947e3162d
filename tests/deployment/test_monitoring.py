"""The dashboard and the alerts ask for what a running service tells, and Prometheus, where it is installed, agrees."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.families.imaging import png
from app.settings import STARTERS
from tests.drawing import draw_digit
from tests.service import Service, free_port

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
PANELS: list[dict[str, Any]] = json.loads((ROOT / "deploy/grafana/fitserve.json").read_text())["panels"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
START_SECONDS = 30


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """It has predicted once."""
    with Service(store=tmp_path_factory.mktemp("monitored") / "store", starters=STARTERS) as started:
        assert started.client.post("/predict/digit", files={"file": png(draw_digit(7, 200))}).status_code == 200
        yield started


def test_each_metric_that_is_asked_for_is_told(service: Service):
    told = {family.name for family in text_string_to_metric_families(service.client.get("/metrics").text)}
    asked = set(re.findall(r"\b(?:fitserve|process)_\w+", "\n".join([*EXPRESSIONS, ALERTS.read_text()])))
    assert len(asked) > 15
    for name in asked:
        assert {name, re.sub(r"_(bucket|sum|count|total)$", "", name)} & told, f"{name} is not in /metrics"


def test_each_metric_of_ours_is_documented(service: Service):
    page = (ROOT / "docs" / "observability.md").read_text()
    families = list(text_string_to_metric_families(service.client.get("/metrics").text))
    told = {
        one.name + ("_total" if one.type == "counter" else "") for one in families if one.name.startswith("fitserve")
    }
    assert set(re.findall(r"^\| `(fitserve_\w+)`", page, flags=re.MULTILINE)) == told


def test_panels_do_not_lie_over_each_other():
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_alerts_come_when_they_should():
    for words in (["check", "config", ALERTS.with_name("prometheus.yml")], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=Path(__file__).parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def prometheus(service: Service, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A real one with our alerts, that scrapes the service four times a second."""
    config = ALERTS.with_name("prometheus.yml").read_text()
    config = config.replace("15s", "250ms").replace("127.0.0.1:8000", f"127.0.0.1:{service.port}")
    (tmp_path / "prometheus.yml").write_text(config)
    shutil.copy(ALERTS, tmp_path)
    port = free_port()
    command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command, cwd=tmp_path)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=10) as client:
            yield client
    finally:
        process.terminate()
        process.wait(20)


def asked(prometheus: httpx2.Client, query: str) -> list[dict[str, Any]]:
    answer = prometheus.get("/query", params={"query": query}).json()
    assert answer["status"] == "success", (query, answer)
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus")
def test_prometheus_draws_every_panel_and_weighs_every_alert(prometheus: httpx2.Client):
    deadline = time.monotonic() + START_SECONDS
    while True:  # until it is up and has seen two scrapes
        assert time.monotonic() < deadline
        try:
            if asked(prometheus, "count_over_time(up[1m]) > 2"):
                break
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    empty = []
    for panel in PANELS:
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            if not asked(prometheus, query):
                empty.append(panel["title"])
    assert empty == ["Shadow comparisons", "Trainers", "Memory"]  # no version is in the shadow, and nothing trains
    rules = prometheus.get("/rules").json()["data"]["groups"][0]["rules"]
    assert len(rules) == ALERTS.read_text().count("alert:")
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    assert [rule["name"] for rule in rules if rule["state"] != "inactive"] == []
