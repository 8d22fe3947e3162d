"""Networks from elsewhere that never end, or take all memory: refused, or out of service as soon as they show it."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.families.imaging import png
from app.settings import STARTERS
from app.store.version import ONNX
from tests.drawing import draw_digit
from tests.hostile.networks import TRIGGER, endless, hungry, hungry_by_rows, laborious, trapped
from tests.service import Caller, Service
from tests.waiting import until

SEVEN = png(draw_digit(7, 28, 2.5))
RUN_SECONDS = 1.5
MEMORY = 400_000_000
HUGE = 500_000_000  # float32 values: 2 GB
LARGE_SIDE = 6000  # of matrices: their product takes many seconds, and 300 MB
TOKEN = 1234  # of the text models
SLACK = 15  # seconds, on a busy machine


def settings(store: Path, **more: object) -> dict[str, object]:
    return {
        "store": store,
        "starters": STARTERS,
        "offline": True,
        "prediction_timeout_seconds": RUN_SECONDS,
        "max_import_memory_bytes": MEMORY,
        **more,
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(**settings(tmp_path_factory.mktemp("store"))) as running:
        yield running


def starter(model: str) -> bytes:
    return (STARTERS / model / "1" / ONNX).read_bytes()


def bring(service: Service, network: bytes, model: str = "digit") -> Any:
    return service.client.post(f"/models/{model}/import", params={"like": "1"}, files={"file": ("x", network)})


def brought(service: Service, network: bytes, model: str = "digit") -> int:
    response = bring(service, network, model)
    assert response.status_code == 201, response.text
    version: int = response.json()["version"]
    return version


def trigger(service: Service, version: int | None = None) -> Any:
    place = "/v1/models/digit" if version is None else f"/v1/models/digit/versions/{version}"
    picture = [[[TRIGGER]] * 28] * 28
    return service.client.post(f"{place}:predict", json={"instances": [picture]})


def children(service: Service) -> set[int]:
    """The processes that the service has started and that live."""
    tasks = Path(f"/proc/{service.process.pid}/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (trapped(starter("digit"), endless(), around=None), "took more than"),
        (trapped(starter("digit"), hungry(HUGE), around=None), "fails|memory"),
        (trapped(starter("digit"), hungry_by_rows(10_000_000)), "fails|memory"),  # 4 rows take 640 MB
        (trapped(starter("digit"), laborious(60_000), around=None), "fails|memory"),
    ],
    ids=["endless", "hungry", "hungry-in-batches", "laborious"],
)
def test_what_misbehaves_when_it_is_tried_out_is_refused(service: Service, network: bytes, reason: str):
    before = service.get("/models/digit")["versions"]
    response = bring(service, network)
    assert response.status_code == 422, response.text
    assert any(word in response.json()["detail"] for word in reason.split("|")), response.text
    assert service.get("/models/digit")["versions"] == before
    assert service.client.post("/predict/digit", files={"file": SEVEN}).json()["label"] == "7"


@pytest.mark.parametrize("trap", [endless(), laborious(LARGE_SIDE)], ids=["endless", "laborious"])
def test_a_version_that_runs_away_is_out_of_service_and_nobody_else_notices(service: Service, trap: Any):
    before = children(service)
    version = brought(service, trapped(starter("digit"), trap))
    caller = Caller(service, SEVEN)
    beside = threading.Thread(target=caller)
    beside.start()
    began = time.monotonic()
    stuck = trigger(service, version)
    took = time.monotonic() - began
    answered = len(caller.answers)
    caller.stop()
    beside.join()
    assert stuck.status_code == 503, stuck.text
    assert "out of service" in stuck.text
    assert took < RUN_SECONDS + SLACK
    assert not caller.failures
    assert answered > 20
    until(lambda: str(version) in service.get("/health/ready")["models"]["digit"]["faults"], SLACK, "it is a fault")
    assert str(version) in service.get("/models/digit")["faults"]
    again = service.client.post("/predict/digit", params={"version": version}, files={"file": SEVEN})
    assert again.status_code == 409
    assert "promote" in again.json()["detail"]
    until(lambda: children(service) <= before, SLACK, "its process is gone")


def test_memory_is_taken_from_nobody(service: Service):
    version = brought(service, trapped(starter("digit"), hungry(HUGE)))
    before = resident(service)
    assert trigger(service, version).status_code >= 500
    assert resident(service) < before + 50_000_000
    assert service.client.post("/predict/digit", files={"file": SEVEN}).json()["label"] == "7"


def resident(service: Service) -> int:
    pages = int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_the_version_before_answers_even_after_a_restart(tmp_path: Path):
    with Service(**settings(tmp_path)) as service:
        good = brought(service, starter("digit"))
        service.client.put("/models/digit/aliases/live", json={"version": good}).raise_for_status()
        bad = brought(service, trapped(starter("digit"), endless()))
        service.client.put("/models/digit/aliases/live", json={"version": bad}).raise_for_status()
        assert service.get("/models/digit")["serving"] == bad
        assert trigger(service).status_code == 503
        until(lambda: service.get("/models/digit")["serving"] == good, SLACK, "the one before answers")
        assert service.client.get("/health/ready").status_code == 200
        assert service.client.post("/predict/digit", files={"file": SEVEN}).json()["version"] == good
    with Service(**settings(tmp_path)) as service:
        model = service.get("/models/digit")
        assert (model["serving"], model["aliases"]["live"]) == (good, bad)
        assert str(bad) in model["faults"]
        assert str(bad) in service.get("/health/ready")["models"]["digit"]["faults"]
        service.client.put("/models/digit/aliases/live", json={"version": bad}).raise_for_status()
        model = service.get("/models/digit")
        assert (model["serving"], model["faults"]) == (bad, {})


@pytest.mark.parametrize("role", ["share", "shadow"])
def test_a_version_that_answers_beside_the_live_one_is_no_danger_either(service: Service, role: str):
    version = brought(service, trapped(starter("digit"), endless()))
    if role == "share":
        share = service.client.put("/models/digit/traffic", json={"1": 1e-6, str(version): 1e6})
        assert share.status_code == 200, share.text
    else:
        service.client.put("/models/digit/aliases/shadow", json={"version": version}).raise_for_status()
    assert trigger(service).status_code == (503 if role == "share" else 200)
    until(lambda: str(version) in service.get("/health/ready")["models"]["digit"]["faults"], SLACK, "it is a fault")
    until(lambda: service.client.post("/predict/digit", files={"file": SEVEN}).json().get("version") == 1, SLACK, "1")
    service.client.delete("/models/digit/traffic").raise_for_status()
    service.client.delete("/models/digit/aliases/shadow")


def test_a_text_model_that_never_ends_a_step_is_out_of_service(service: Service):
    version = brought(service, trapped(starter("gru"), endless(), around=TOKEN), "gru")
    service.client.put("/models/gru/aliases/live", json={"version": version}).raise_for_status()
    stuck = service.client.post("/v1/completions", json={"model": "gru", "prompt": [TOKEN], "max_tokens": 3})
    assert stuck.status_code == 503, stuck.text
    until(lambda: service.get("/models/gru")["serving"] == 1, SLACK, "the one before answers")
    text = service.client.post("/generate", json={"model": "gru", "seed_text": "나는 오늘", "next_words": 3})
    assert text.status_code == 200, text.text


def test_an_import_whose_caller_left_has_ended(service: Service):
    before, processes = service.get("/models/digit")["versions"], children(service)
    staging = Path(service.environment["FITSERVE_STORE"]) / ".staging"
    network = trapped(starter("digit"), laborious(LARGE_SIDE), around=None)
    with suppress(httpx2.TimeoutException), httpx2.Client(timeout=2) as hurried:
        hurried.post(
            f"http://127.0.0.1:{service.port}/models/digit/import", params={"like": "1"}, files={"file": ("x", network)}
        )
    until(lambda: children(service) <= processes and not list(staging.iterdir()), SLACK, "nothing of it is left")
    assert service.get("/models/digit")["versions"] == before


@pytest.mark.parametrize("killed", [signal.SIGTERM, signal.SIGKILL])
def test_whatever_runs_the_service_ends_and_leaves_no_process(tmp_path: Path, killed: signal.Signals):
    patient = settings(
        tmp_path, prediction_timeout_seconds=600, graceful_shutdown_seconds=1, termination_grace_seconds=1
    )
    with Service(**patient) as service:
        version = brought(service, trapped(starter("digit"), endless()))
        with suppress(httpx2.TimeoutException), httpx2.Client(timeout=2) as hurried:
            picture = [[[TRIGGER]] * 28] * 28
            place = f"http://127.0.0.1:{service.port}/v1/models/digit/versions/{version}:predict"
            hurried.post(place, json={"instances": [picture]})
        running = children(service)
        assert running
        service.process.send_signal(killed)
        service.process.wait(SLACK)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in running), SLACK, "its processes are gone")


def test_a_version_of_this_service_s_own_is_ended_too(tmp_path: Path):
    """A card can say anything: what runs on the loop holds it for the time of one run, and never again."""
    from app.store.model_store import ModelStore  # noqa: PLC0415
    from app.store.version import checksums  # noqa: PLC0415

    store = ModelStore(tmp_path)
    store.seed(STARTERS)
    staged = store.stage("test")
    for name in store.card("digit", 1).files:
        shutil.copyfile(STARTERS / "digit" / "1" / name, staged / name)
    (staged / ONNX).write_bytes(trapped(starter("digit"), endless()))
    card = store.card("digit", 1).model_copy(update={"files": checksums(staged)})
    store.publish(staged, "digit", lambda number: card.model_copy(update={"version": number}))
    store.promote("digit", 2)
    with Service(**settings(tmp_path)) as service:
        assert trigger(service).status_code == 503
        until(lambda: service.get("/models/digit")["serving"] == 1, SLACK, "the one before answers")
        assert trigger(service).status_code == 200
