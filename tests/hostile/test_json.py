"""JSON made to hurt: a service under it goes on answering others, in bounded memory."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import pytest

from app.families.imaging import png
from app.settings import STARTERS
from tests.drawing import draw_digit
from tests.hostile import IS_LONG
from tests.hostile.side import SideClient
from tests.service import Service

TIMES = 40 if IS_LONG else 3
AT_ONCE = 6
MEMORY = 150_000_000
ROUTES = (
    *("/generate", "/train/digit", "/train/text", "/sweeps", "/predict/digit", "/jobs/x/cancel"),
    *("/v1/completions", "/v1/models/digit:predict", "/v1/models/digit:classify", "/v2/models/digit/infer"),
)
PICTURE = png(draw_digit(7, 200, thickness=16))
TENSOR = np.random.default_rng(0).random((256, 28, 28, 1)).round(6)
BOMBS = {
    "empty lists": b"[" + b"[]," * 5_000_000 + b"[]]",
    "empty objects": b"[" + b"{}," * 5_000_000 + b"{}]",
    "deep": b"[" * 15_000_000,
    "numbers": b'{"formats":[' + b"1," * 7_000_000 + b"1]}",
    "keys": b"{" + b",".join(b'"k%d":1' % number for number in range(1_000_000)) + b"}",
    "quotes": b'["' + b'","' * 5_000_000 + b'"]',
    "backslashes": b'["' + b"\\\\" * 7_000_000 + b'"]',
    "one text": b'{"image":"' + b"A" * 15_000_000 + b'","seed_text":1}',
    "escapes": b'{"text":"' + b"\\ub098" * 2_000_000 + b'"}',
    "no end": b'{"text":"' + b"a" * 15_000_000,
    "a number": b'{"epochs":' + b"9" * 900_000 + b"}",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("hostile")
    with Service(store=folder / "store", starters=STARTERS, data_dir=folder, offline=True, log_level="ERROR") as one:
        yield one


def memory(pid: int) -> int:
    """Resident bytes of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in (str(pid), *children)]
    return sum(pages) * 4096


def send(service: Service, path: str, body: bytes) -> int:
    """The status of an answer to some JSON; 413 also where the connection was closed in the middle of it."""
    headers = {"content-type": "application/json"}
    try:
        with httpx2.Client(timeout=60) as client:
            answer = client.post(f"http://127.0.0.1:{service.port}{path}", content=body, headers=headers)
    except httpx2.TransportError:
        return 413
    assert len(answer.content) <= 64 * 1024 or answer.status_code == 200
    return answer.status_code


@pytest.mark.parametrize("name", BOMBS)
def test_nobody_waits_for_a_bomb(service: Service, name: str):
    send(service, "/generate", b"{}")
    before = memory(service.process.pid)
    asked = [(service, path, BOMBS[name]) for path in ROUTES for _ in range(TIMES if IS_LONG else 1)]
    with SideClient(service, PICTURE) as side, ThreadPoolExecutor(AT_ONCE) as attackers:
        statuses = list(attackers.map(lambda asking: send(*asking), asked))
        after = memory(service.process.pid)
    assert set(statuses) <= {400, 404, 413, 422, 503}, statuses
    assert side.failures == []
    assert side.seconds
    assert after - before < MEMORY


def test_nobody_waits_for_large_tensors_and_they_are_answered(service: Service):
    rows = json.dumps({"instances": TENSOR.tolist()}).encode()
    flat = {"name": "image", "datatype": "FP32", "shape": TENSOR.shape, "data": TENSOR.ravel().tolist()}
    picture = json.dumps({"image": base64.b64encode(PICTURE + bytes(5_000_000)).decode()}).encode()
    asked = [
        (service, "/v1/models/digit:predict", rows),
        (service, "/v2/models/digit/infer", json.dumps({"inputs": [flat]}).encode()),
        (service, "/predict/digit", picture),
    ] * TIMES
    with SideClient(service, PICTURE) as side, ThreadPoolExecutor(2) as callers:
        statuses = list(callers.map(lambda asking: send(*asking), asked))
    assert set(statuses) <= {200, 429}, statuses
    assert 200 in statuses
    assert side.failures == []
    assert side.seconds
