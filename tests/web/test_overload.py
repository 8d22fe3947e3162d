"""More than the service can do: it says so at once, goes on at full speed, and those who leave cost nothing lasting."""

import asyncio
import json
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.errors import Overloaded
from app.settings import STARTERS
from app.web.middleware.admission import AdmissionControl
from app.web.middleware.limits import SMALL_BYTES, BodyLimit
from bench.overload import load, predict_request, tail
from bench.serve_digit import picture
from bench.servers import memory
from tests.service import Service
from tests.waiting import until
from tests.web.test_limits import answer, call

HEAD = b"POST /predict/digit HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 200000\r\n\r\n"
CALLERS = 64


@pytest.fixture
def narrow(tmp_path: Path):
    """A service with little room."""
    limits = {
        "max_queue_size": 16,
        "max_concurrent": 4,
        "max_connections": 70,
        "header_timeout_seconds": 2,
        "request_timeout_seconds": 2,
    }
    with Service(store=tmp_path, starters=STARTERS, **limits) as service:
        yield service


@pytest.mark.alone
def test_twice_the_capacity_is_answered_or_refused_with_a_time_to_wait(narrow: Service):
    request = predict_request(picture())
    full = asyncio.run(load(narrow.port, request, 100_000, 1, 4))
    rate = len(full.accepted)
    before = memory(narrow.process)
    over = asyncio.run(load(narrow.port, request, 2 * rate, 3, CALLERS))
    after = asyncio.run(load(narrow.port, request, 0.5 * rate, 1, 4))
    assert set(over.statuses) <= {200, 429, 503}
    assert (over.without_wait, over.broken) == (0, 0)
    assert len(over.accepted) > rate / 4
    assert tail(over) < 1
    assert set(after.statuses) == {200}
    assert memory(narrow.process) < 1.1 * before


def test_one_connection_too_many_is_told_so_and_the_others_are_served(narrow: Service):
    assert narrow.client.get("/models").status_code == 200
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", narrow.port))) for _ in range(69)]
        extra = stack.enter_context(socket.create_connection(("127.0.0.1", narrow.port)))
        extra.settimeout(5)
        head, _, body = extra.makefile("rb").read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in head
        assert json.loads(body)["type"] == "urn:fitserve:problem:overloaded"
        assert narrow.client.get("/models").status_code == 200
        for connection in held:  # none has a head after two seconds
            connection.settimeout(5)
            assert connection.recv(1) == b""
    assert narrow.client.get("/models").status_code == 200


def test_who_leaves_in_the_middle_of_an_upload_frees_the_place(narrow: Service):
    for _ in range(5):
        with ExitStack() as stack:
            for _ in range(4):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", narrow.port)))
                connection.sendall(HEAD + b"x" * 1000)
            time.sleep(0.3)  # asking sooner would take a place from an upload
            assert narrow.client.get("/models").status_code == 429
        until(lambda: narrow.client.get("/models").status_code == 200, 10, "a place is free")


def test_who_leaves_a_stream_frees_the_place(narrow: Service):
    asked = {"seed_text": "나는", "next_words": 1000, "temperature": 1.0, "stream": True}
    for _ in range(8):
        with narrow.client.stream("POST", "/generate", json=asked) as response:
            assert response.status_code == 200
            next(response.iter_lines())
    until(lambda: narrow.client.get("/models").status_code == 200, 10, "a place is free")
    empty = 'fitserve_queue_depth{model="lstm"} 0.0'
    until(lambda: empty in narrow.client.get("/metrics").text, 10, "nothing is generated for those who left")


@pytest.mark.anyio
async def test_all_callers_together_have_so_many_requests_at_once():
    release = asyncio.Event()

    async def waiting(scope, receive, send):
        await release.wait()
        await answer(scope, receive, send)

    fair = AdmissionControl(waiting, max_rate=0, max_concurrent=10, max_requests=2)
    held = [asyncio.create_task(call(fair, key=key)) for key in ("phone", "tablet")]
    await asyncio.sleep(0)
    refused = await call(fair, key="watch")
    assert refused["status"] == 503
    assert (b"retry-after", b"1") in refused["headers"]  # type: ignore[operator]
    release.set()
    assert {(await task)["status"] for task in held} == {200}
    assert (await call(fair, key="watch"))["status"] == 200


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [[], [(b"content-length", str(2 * SMALL_BYTES).encode())]])
async def test_large_bodies_share_a_bound_and_give_it_back(headers):
    arrived, release = asyncio.Event(), asyncio.Event()

    async def reading(scope, receive, send):
        await receive()
        await receive()
        arrived.set()
        await release.wait()
        await answer(scope, receive, send)

    limit = BodyLimit(reading, max_bytes=10 * SMALL_BYTES, forms={}, max_inflight=3 * SMALL_BYTES)
    body = (b"x" * SMALL_BYTES, b"x" * SMALL_BYTES)
    first = asyncio.create_task(call(limit, body=body, headers=headers))
    await arrived.wait()
    with pytest.raises(Overloaded):
        await call(limit, body=body, headers=headers)
    release.set()
    assert (await first)["status"] == 200
    assert (await call(limit, body=body, headers=headers))["status"] == 200
