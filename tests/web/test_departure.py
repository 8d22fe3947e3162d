"""A caller who hangs up, or waits for too long, ends what was done for it; what is done already stays."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from app import request_context
from app.settings import STARTERS, Settings
from app.store import durable_files, folder
from app.store.version import ONNX
from app.web.app import create_app
from app.web.middleware.limits import Deadline
from app.web.server.coalescing_transport import CoalescingProtocol
from tests.service import free_port
from tests.waiting import until

SECONDS = 30


class Work:
    """A route that works until it is cancelled, and one that commits first."""

    def __init__(self) -> None:
        self.begun, self.ended, self.done = threading.Event(), threading.Event(), threading.Event()
        self.app = FastAPI()
        self.app.add_middleware(Deadline, seconds=SECONDS)
        self.app.add_api_route("/work", self.work, methods=["GET", "POST"])
        self.app.add_api_route("/deed", self.deed, methods=["POST"])

    async def work(self, request: Request) -> None:
        await request.body()
        self.begun.set()
        try:
            await asyncio.sleep(SECONDS)
        finally:
            self.ended.set()

    async def deed(self, request: Request) -> None:
        await request.body()
        request_context.commit()
        self.begun.set()
        await asyncio.sleep(0.5)
        self.done.set()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The app on a free port, in a thread."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, http=CoalescingProtocol, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, 20, "it serves")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("size", [0, 5_000_000])
def test_what_nobody_waits_for_any_more_ends(size: int):
    work = Work()
    with served(work.app) as place:
        with pytest.raises(httpx2.TimeoutException), httpx2.Client(timeout=1) as hurried:
            hurried.post(f"{place}/work", content=bytes(size))
        assert work.begun.is_set()
        assert work.ended.wait(5)


def test_what_is_being_made_lasting_is_done_to_its_end():
    work = Work()
    with served(work.app) as place:
        with pytest.raises(httpx2.TimeoutException), httpx2.Client(timeout=0.2) as hurried:
            hurried.post(f"{place}/deed")
        assert work.begun.wait(5)
        assert work.done.wait(5)


def test_an_import_that_was_given_up_while_it_was_published_does_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = Settings(store=tmp_path, starters=STARTERS, offline=True, run_supervisor=False)
    synced = durable_files.sync_tree

    def too_long(staged: Path) -> None:
        synced(staged)
        waiting = request_context.current_caller.get()
        assert waiting
        assert waiting.give_up()  # as the deadline does, and a departure

    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        monkeypatch.setattr(folder, "sync_tree", too_long)
        network = (STARTERS / "digit" / "1" / ONNX).read_bytes()
        answer = client.post("/models/digit/import", files={"file": ("x", network)})
        assert answer.status_code == 504, answer.text
        assert [one["version"] for one in client.get("/models/digit").json()["versions"]] == [1]
        assert not list((tmp_path / ".staging").iterdir())
