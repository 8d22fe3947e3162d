"""Offers of another protocol are ignored: the request is answered as HTTP/1.1, and its body is its body."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import STARTERS
from tests.hostile.wire import Wire, chunked, head
from tests.service import Service

SEVEN = (Path(__file__).parents[2] / "docs" / "pictures" / "seven.png").read_bytes()
PNG = b"Content-Type: image/png"
JSON = b"Content-Type: application/json"
H2C = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
WEBSOCKET = (
    b"Connection: keep-alive, Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
OFFERS = {
    "h2c": H2C,
    "websocket": WEBSOCKET,
    "TLS": (b"Upgrade: TLS/1.0", b"Connection: Upgrade"),
    "several": (b"upgrade: websocket, h2c, foo/2", b"CONNECTION: UPGRADE"),
    "two fields": (b"Connection: Upgrade", b"Upgrade: h2c", b"Upgrade: websocket", b"Connection: HTTP2-Settings"),
}
offered = pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("offers")
    with Service(store=folder / "store", starters=STARTERS, offline=True, run_supervisor=False) as running:
        yield running


@pytest.fixture
def wire(service: Service) -> Iterator[Wire]:
    with Wire(service.port) as connection:
        yield connection


def is_alive(wire: Wire) -> bool:
    """Whether the next answer on it is that of the next request."""
    wire.send(head("GET", "/health/live"))
    answer = wire.answer()
    return answer.status == 200 and answer.headers["Content-Type"] == "application/json"


@offered
@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_a_body_behind_an_offer_is_read_in_however_many_packets(wire: Wire, offer: tuple[bytes, ...], pieces: int):
    request = head("POST", "/predict/digit", PNG, *offer, length=len(SEVEN)) + SEVEN
    size = -(-len(request) // pieces)
    wire.send(*(request[start : start + size] for start in range(0, len(request), size)))
    answer = wire.answer()
    assert (answer.status, json.loads(answer.body)["label"]) == (200, "7")
    assert is_alive(wire)


@offered
@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_a_body_behind_an_offer_is_never_run_as_a_request(wire: Wire, offer: tuple[bytes, ...], apart: bool):
    hidden = head("GET", "/metrics")
    begin = head("POST", "/predict/digit", PNG, *offer, length=len(hidden))
    wire.send(*((begin, hidden) if apart else (begin + hidden,)))
    answer = wire.answer()
    assert answer.status == 422
    assert b"fitserve_requests" not in answer.body
    assert is_alive(wire)


@offered
def test_a_chunked_body_behind_an_offer_is_read(wire: Wire, offer: tuple[bytes, ...]):
    wire.send(
        head("POST", "/predict/digit", PNG, *offer, b"Transfer-Encoding: chunked"),
        chunked(SEVEN[:100], SEVEN[100:]),
    )
    assert json.loads(wire.answer().body)["label"] == "7"
    assert is_alive(wire)


def test_what_an_offering_client_wants_trained_is_trained(wire: Wire):
    body = b'{"dataset":"sample","epochs":1,"promote":"never"}'
    wire.send(head("POST", "/train/digit", JSON, *H2C, length=len(body)), body)
    answer = wire.answer()
    job = json.loads(answer.body)
    assert (answer.status, job["hyperparameters"]["dataset"], job["promote"]) == (202, "sample", "never")


def test_a_client_that_offers_and_waits_for_leave_gets_it(wire: Wire):
    wire.send(head("POST", "/predict/digit", PNG, *H2C, b"Expect: 100-continue", length=len(SEVEN)))
    assert wire.answer().status == 100
    wire.send(SEVEN)
    assert wire.answer().status == 200
    assert is_alive(wire)


def test_pipelined_requests_with_offers_are_answered_in_order(wire: Wire):
    picture = head("POST", "/predict/digit", PNG, *H2C, length=len(SEVEN)) + SEVEN
    nothing = head("GET", "/nothing", *WEBSOCKET)
    wire.send(picture + nothing + picture + head("GET", "/health/live", *H2C) + nothing)
    assert [wire.answer().status for _ in range(5)] == [200, 404, 200, 200, 404]


@pytest.mark.parametrize(("method", "status"), [("PUT", 404), ("DELETE", 409), ("GET", 404), ("PATCH", 405)])
def test_every_method_has_its_body(wire: Wire, method: str, status: int):
    body = b'{"version": 99}'
    path = "/models/digit/versions/99" if method == "GET" else "/models/digit/aliases/live"
    wire.send(head(method, path, JSON, *H2C, length=len(body)), body)
    assert wire.answer().status == status
    assert is_alive(wire)


def test_a_websocket_is_answered_as_what_it_is_otherwise(wire: Wire):
    wire.send(head("GET", "/models", *WEBSOCKET))
    answer = wire.answer()
    assert (answer.status, answer.headers["Upgrade"]) == (200, None)
    assert is_alive(wire)


def test_an_offer_that_closes_is_answered_and_closed(wire: Wire):
    offer = (b"Connection: close, Upgrade", b"Upgrade: h2c")
    wire.send(head("POST", "/predict/digit", PNG, *offer, length=len(SEVEN)) + SEVEN)
    assert wire.answer().status == 200
    assert wire.has_ended()


@pytest.mark.parametrize(
    "begin",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=["HTTP/2", "TLS", "the wrong number"],
)
def test_another_protocol_without_an_offer_is_told_what_is_spoken(wire: Wire, begin: bytes):
    wire.send(begin)
    answer = wire.answer()
    assert answer.status == 400
    assert "HTTP/1.1" in json.loads(answer.body)["detail"]
    assert wire.has_ended()


def test_a_tunnel_is_refused(wire: Wire):
    wire.send(b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n" + head("GET", "/metrics"))
    assert wire.answer().status == 501
    assert wire.has_ended()
