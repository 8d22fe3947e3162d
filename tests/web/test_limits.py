"""Limits of time and number: who is slow or asks too often costs nothing lasting, and is told so."""

import asyncio
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from app.settings import STARTERS, Settings
from app.web.app import create_app
from app.web.middleware.admission import AdmissionControl, TokenBuckets
from app.web.middleware.limits import Deadline
from tests.service import Service
from tests.waiting import until


async def call(app, path: str = "/x", body: tuple[bytes, ...] = (b"",), **scope: object) -> dict[str, object]:
    """One request straight to an ASGI application; its body never ends when `body` is empty. Returns how it starts."""
    sent: list[dict[str, object]] = []
    chunks = list(body)

    async def receive():
        if chunks:
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}
        return await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    await app({"type": "http", "path": path, "client": ("10.0.0.1", 1), "headers": [], **scope}, receive, send)
    return sent[0]


async def answer(scope, receive, send):  # noqa: ARG001  as ASGI has it
    await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.mark.anyio
async def test_an_answer_that_takes_too_long_is_given_up():
    ended = []

    async def slow(scope, receive, send):  # noqa: ARG001
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    assert (await call(Deadline(slow, 0.05)))["status"] == 504
    assert ended


@pytest.mark.anyio
async def test_a_body_that_does_not_arrive_is_given_up():
    async def reading(scope, receive, send):  # noqa: ARG001
        await receive()

    assert (await call(Deadline(reading, 0.05), body=()))["status"] == 408


@pytest.mark.anyio
async def test_a_stream_that_has_begun_may_go_on():
    async def streaming(scope, receive, send):
        await answer(scope, receive, send)
        await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b"x"})

    assert (await call(Deadline(streaming, 0.02)))["status"] == 200


@pytest.mark.anyio
async def test_a_timeout_of_the_applications_own_is_not_the_deadlines():
    async def failing(scope, receive, send):  # noqa: ARG001
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await call(Deadline(failing, 5))


@pytest.mark.anyio
async def test_each_caller_has_so_many_requests_at_once():
    release = asyncio.Event()

    async def waiting(scope, receive, send):
        await release.wait()
        await answer(scope, receive, send)

    fair = AdmissionControl(waiting, max_rate=0, max_concurrent=2, max_requests=10)
    held = [asyncio.create_task(call(fair, key="phone")) for _ in range(2)]
    await asyncio.sleep(0)
    refused = await call(fair, key="phone")
    assert refused["status"] == 429
    assert (b"retry-after", b"1") in refused["headers"]  # type: ignore[operator]
    others = [
        asyncio.create_task(call(fair, key="tablet")),
        asyncio.create_task(call(fair, "/health/live", key="phone")),
    ]
    release.set()
    assert {(await task)["status"] for task in [*held, *others]} == {200}
    assert (await call(fair, key="phone"))["status"] == 200


def test_a_bucket_lets_a_seconds_worth_through_and_then_the_rate():
    buckets = TokenBuckets(10)
    assert [buckets.acquire("a", 0.0) for _ in range(11)] == [0.0] * 10 + [pytest.approx(0.1)]
    assert buckets.acquire("b", 0.0) == 0
    assert buckets.acquire("a", 0.1) == 0
    assert buckets.acquire("a", 0.1) > 0


def test_who_asks_too_often_is_told_when_to_come_back(settings: Settings):
    with TestClient(create_app(settings.model_copy(update={"max_rate": 0.5}))) as client:
        assert client.get("/models").status_code == 200
        refused = client.get("/models")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert client.get("/health/live").status_code == 200


def closes(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.fixture
def impatient(tmp_path: Path):
    with Service(
        store=tmp_path,
        starters=STARTERS,
        header_timeout_seconds=0.5,
        request_timeout_seconds=1,
        shutdown_delay_seconds=1,
    ) as service:
        yield service


def test_slow_clients_are_cut_off_and_others_are_served(impatient: Service):
    address = ("127.0.0.1", impatient.port)
    connections = ExitStack()
    silent, trickling, newlines, half = (connections.enter_context(socket.create_connection(address)) for _ in range(4))
    trickling.sendall(b"GET / HTTP/1.1\r\nX: ")
    half.sendall(
        b"POST /predict/digit HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\nx"
    )
    begun = time.monotonic()
    while time.monotonic() - begun < 0.8:
        for connection, byte in ((trickling, b"y"), (newlines, b"\r\n")):
            with suppress(OSError):  # closed by now
                connection.sendall(byte)
        assert impatient.client.get("/health/live").status_code == 200
        time.sleep(0.1)
    assert all(closes(connection, 1) for connection in (silent, trickling, newlines))
    half.settimeout(2)
    assert half.recv(1000).startswith(b"HTTP/1.1 408")
    connections.close()


def test_at_a_signal_ready_goes_first_and_requests_end_well(impatient: Service):
    statuses, lasting = [], []

    def ask():
        with httpx2.Client(base_url=str(impatient.client.base_url)) as client:
            while impatient.process.poll() is None:
                try:
                    answer = client.get("/health/ready")
                except httpx2.TransportError:  # refused, or never accepted
                    return
                statuses.append(answer.status_code)
                lasting.append(answer.headers.get("connection") != "close")

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: statuses, 10, "an answer before the signal")
    os.kill(impatient.process.pid, signal.SIGTERM)
    asking.join(10)
    assert impatient.process.wait(10) == -signal.SIGTERM
    assert statuses[0] == 200
    assert statuses[-1] == 503
    assert statuses == sorted(statuses)
    assert not any(lasts for status, lasts in zip(statuses, lasting, strict=True) if status == 503)
