"""What leaves together: a process that is killed has sent an answer or none, so that a proxy may ask another one."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from app.web.server.coalescing_transport import HELD_BYTES, CoalescingProtocol, CoalescingTransport

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
pytestmark = pytest.mark.anyio


class Wire(asyncio.Transport):
    """The end of a connection: keeps what each call sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def writelines(self, list_of_data) -> None:
        assert not self.closed
        self.sent.append(b"".join(list_of_data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def asked(app: ASGIApp, *requests: bytes) -> Wire:
    """What uvicorn's protocol sends over a connection on which these requests come, once the tasks have settled."""
    config = uvicorn.Config(app, http=CoalescingProtocol, lifespan="off", log_config=None)
    config.load()
    protocol = CoalescingProtocol(config, ServerState(), {}, asyncio.get_running_loop())
    protocol.connection_made(wire := Wire())
    for request in requests:
        protocol.data_received(request)
        while protocol.tasks:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    protocol.connection_lost(None)
    return wire


async def test_head_and_body_of_an_answer_leave_together():
    wire = await asked(Response("seven"), REQUEST, REQUEST)
    assert len(wire.sent) == 2
    assert all(answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"seven") for answer in wire.sent)


async def test_an_answer_that_is_the_last_of_its_connection_leaves_before_it_is_closed():
    wire = await asked(Response("seven", headers={"Connection": "close"}), REQUEST)
    assert wire.closed
    assert [answer.endswith(b"seven") for answer in wire.sent] == [True]


async def test_each_word_of_a_stream_leaves_when_it_is_said():
    async def words() -> AsyncIterator[str]:
        for word in ("one", "two"):
            yield word
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def app(scope, receive, send):
        await StreamingResponse(words())(scope, receive, send)

    wire = await asked(app, REQUEST)
    assert [sent.split(b"\r\n")[-2] for sent in wire.sent[:2]] == [b"one", b"two"]


async def test_what_is_much_is_not_held():
    async def app(scope, receive, send):  # noqa: ARG001
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(4):
            await send({"type": "http.response.body", "body": bytes(HELD_BYTES), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    wire = await asked(app, REQUEST)
    assert len(wire.sent) == 5
    assert max(map(len, wire.sent)) < 2 * HELD_BYTES


async def test_nothing_is_written_to_a_connection_that_has_gone():
    wire = Wire()
    CoalescingTransport(wire, asyncio.get_running_loop()).write(b"late")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.sent == []
