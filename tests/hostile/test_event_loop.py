"""The event loop is nobody's for long: measured in CPU time of its thread, whatever else the machine does."""

import base64
import json
import threading
import time
from asyncio import events
from collections.abc import Iterator

import httpx2
import numpy as np
import pytest
import uvicorn

from app.families.imaging import png
from app.settings import STARTERS, Settings
from app.web.app import create_app
from tests.drawing import draw_digit
from tests.service import free_port
from tests.waiting import until

LONGEST = 0.1  # CPU seconds of one turn: such bodies took 7 to 13
PICTURE = png(draw_digit(7, 200, thickness=16))
TENSOR = np.random.default_rng(0).random((256, 28, 28, 1)).round(6)
BODIES = {
    "empty lists": ("/v2/models/digit/infer", b"[" + b"[]," * 5_000_000 + b"[]]", 413),
    "deep": ("/v1/completions", b"[" * 15_000_000, 413),
    "numbers": ("/train/digit", b'{"formats":[' + b"1," * 490_000 + b"1]}", 413),
    "numbers of a tensor": ("/v1/models/digit:predict", b'{"instances":[' + b"[0]," * 150_000 + b"[0]]}", 400),
    "keys": ("/sweeps", json.dumps({f"k{number}": 1 for number in range(4_900)}).encode(), 422),
    "tokens": ("/v1/completions", json.dumps({"model": "lstm", "prompt": [1.5] * 9_000}).encode(), 400),
    "one word": ("/train/text", json.dumps({"text": "나는 " * 300_000, "epochs": -1}).encode(), 422),
    "rows": ("/v1/models/digit:predict", json.dumps({"instances": TENSOR.tolist()}).encode(), 200),
    "a picture": (
        "/predict/digit",
        json.dumps({"image": base64.b64encode(PICTURE + bytes(12_000_000)).decode()}).encode(),
        200,
    ),
}


class Turns:
    """Every turn of the loops of this process, each as the CPU seconds of its thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        run = events.Handle._run

        def timed(handle: events.Handle) -> None:
            begun = time.thread_time()
            run(handle)
            self.seconds.append(time.thread_time() - begun)

        monkeypatch.setattr(events.Handle, "_run", timed)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The application on asyncio's own loop, in a thread of this process."""
    folder, free = tmp_path_factory.mktemp("loop"), free_port()
    app = create_app(Settings(store=folder / "store", starters=STARTERS, data_dir=folder, offline=True))
    server = uvicorn.Server(uvicorn.Config(app, port=free, loop="asyncio", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, 60, "it serves")
    yield free
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("name", BODIES)
def test_no_body_holds_the_event_loop(port: int, monkeypatch: pytest.MonkeyPatch, name: str):
    path, body, status = BODIES[name]
    headers = {"content-type": "application/json"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        client.post(path, content=b"{}", headers=headers)  # what is made for the first request of all
        turns = Turns(monkeypatch)
        answer = client.post(path, content=body, headers=headers)
    assert answer.status_code == status, answer.text[:300]
    assert max(turns.seconds) < LONGEST
