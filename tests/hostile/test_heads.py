"""Heads of requests: bounded in bytes and fields, of one meaning, refused at once and at no cost to others."""

import json
import threading
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from app.families.imaging import png
from app.settings import STARTERS
from bench.servers import memory
from tests.drawing import draw_digit
from tests.hostile import IS_LONG
from tests.hostile.wire import Wire, chunked, head
from tests.service import Caller, Service
from tests.waiting import until

MEGABYTES = 60 if IS_LONG else 8
MEGABYTE = b"x" * 1_000_000
SEVEN = png(draw_digit(7, 28, 2.5))
FIELD = b"x: y\r\n"
LINE = b"GET /health/live HTTP/1.1\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("heads")
    with Service(store=folder / "store", starters=STARTERS, offline=True) as running:
        yield running


@pytest.fixture
def wire(service: Service) -> Iterator[Wire]:
    with Wire(service.port) as connection:
        yield connection


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head("GET", "/health/live", b"X: " + b"a" * 60_000), 200),
        (head("GET", "/health/live", b"X: " + b"a" * 65_536), 431),
        (head("GET", "/health/live", *(b"X: " + b"a" * 8_000 for _ in range(8))), 200),
        (head("GET", "/health/live", *(b"X: " + b"a" * 8_000 for _ in range(9))), 431),
        (head("GET", "/health/live", *repeat(b"x: y", 99)), 200),
        (head("GET", "/health/live", *repeat(b"x: y", 100)), 431),
        (head("GET", "/" + "a" * 60_000), 404),
        (head("GET", "/" + "a" * 65_536), 431),
        (head("GET", "/health/live", b"x" * 65_536 + b": y"), 431),
        (head("GET", "/health/live", b"X:" + b" " * 200_000 + b"y"), 431),
    ],
    ids=[
        "a long field", "a field too long", "long fields", "long fields, too many", "many fields", "too many fields",
        "a long target", "a target too long", "a name too long", "spaces",
    ],
)  # fmt: skip
def test_a_head_has_a_bound(wire: Wire, request_head: bytes, status: int):
    wire.send(request_head)
    answer = wire.answer()
    assert answer.status == status
    if status == 431:
        assert json.loads(answer.body)["type"] == "urn:fitserve:problem:head-too-large"
        assert wire.has_ended()


ENDLESS = {
    "a field": lambda: (LINE + b"X: ", repeat(MEGABYTE, MEGABYTES)),
    "a name": lambda: (LINE, repeat(MEGABYTE, MEGABYTES)),
    "a target": lambda: (b"GET /", repeat(MEGABYTE, MEGABYTES)),
    "fields": lambda: (LINE, repeat(FIELD * 160_000, MEGABYTES)),
    "empty lines": lambda: (b"\r\n", repeat(b"\r\n" * 500_000, MEGABYTES)),
    "a trailer": lambda: (
        head("POST", "/predict/digit", b"Content-Type: image/png", b"Transfer-Encoding: chunked")
        + b"1\r\nx\r\n0\r\nX: ",
        repeat(MEGABYTE, MEGABYTES),
    ),
    "an extension": lambda: (
        head("POST", "/predict/digit", b"Content-Type: image/png", b"Transfer-Encoding: chunked") + b"1;x=",
        repeat(MEGABYTE, MEGABYTES),
    ),
    "chunks of a byte": lambda: (
        head("POST", "/predict/digit", b"Content-Type: image/png", b"Transfer-Encoding: chunked"),
        repeat(b"1\r\nx\r\n" * 160_000, MEGABYTES),
    ),
    "extensions": lambda: (
        head("POST", "/predict/digit", b"Content-Type: image/png", b"Transfer-Encoding: chunked"),
        repeat((b"1;" + b"x" * 1000 + b"\r\ny\r\n") * 1000, MEGABYTES),
    ),
}


@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)
def test_an_endless_head_is_refused_while_it_is_sent(service: Service, wire: Wire, endless):
    before = memory(service.process)
    begin, pieces = endless()
    wire.send(begin)
    sending = threading.Thread(target=wire.pour, args=[pieces])
    sending.start()
    answer = wire.answer()
    sending.join()
    assert answer.status == 431
    assert wire.has_ended()
    assert memory(service.process) < before + 20


def test_several_endless_heads_at_once_disturb_nobody(service: Service):
    caller = Caller(service, SEVEN)
    asking = threading.Thread(target=caller)
    asking.start()
    until(lambda: caller.answers, 10, "somebody is served")
    before, answers = memory(service.process), len(caller.answers)
    statuses = []

    def flood():
        with Wire(service.port) as wire:
            wire.send(LINE + b"X: ")
            wire.pour(repeat(MEGABYTE, MEGABYTES))
            statuses.append(wire.answer().status)

    floods = [threading.Thread(target=flood) for _ in range(8)]
    for one in floods:
        one.start()
    for one in floods:
        one.join()
    until(lambda: len(caller.answers) > answers + 1, 10, "somebody is served still")
    caller.stop()
    asking.join()
    assert statuses == [431] * 8
    assert caller.failures == []
    assert memory(service.process) < before + 20


def test_a_head_too_large_behind_a_request_is_refused_after_its_answer(wire: Wire):
    wire.send(head("POST", "/predict/digit", b"Content-Type: image/png", length=len(SEVEN)) + SEVEN + LINE + b"X: ")
    assert wire.pour(repeat(MEGABYTE, 3)) == 3_000_000
    assert wire.answer().status == 200
    assert wire.answer().status == 431
    assert wire.has_ended()


def test_requests_that_wait_behind_another_are_bounded(wire: Wire):
    ask = head("POST", "/generate", b"Content-Type: application/json", length=33) + b'{"seed_text":"a","next_words":50}'
    wire.send(ask + head("GET", "/health/live") * 1000)
    statuses = [wire.answer().status for _ in range(66)]
    assert statuses == [200] * 65 + [429]
    assert wire.has_ended()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((b"Content-Length: " + b"0" * 5000 + b"1",), 400),
        ((b"Content-Length: " + b"9" * 5000,), 400),
        ((b"Content-Length: " + b"9" * 19,), 413),
        ((b"Content-Length: 0x1",), 400),
        ((b"Content-Length: +1",), 400),
        ((b"Content-Length: -1",), 400),
        ((b"Content-Length: 1.0",), 400),
        ((b"Content-Length: one",), 400),
        ((b"Content-Length:",), 400),
        ((b"Content-Length: 1, 1",), 400),
        ((b"Content-Length: 1", b"Content-Length: 1"), 400),
        ((b"Content-Length: 1", b"Content-Length: 2"), 400),
        ((b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400),
        ((b"Transfer-Encoding: chunked", b"Content-Length: 1"), 400),
        ((b"Transfer-Encoding: identity",), 400),
        ((b"Transfer-Encoding: xchunked",), 400),
        ((b"Transfer-Encoding: chunked, gzip",), 400),
        ((b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
        ((b"Transfer-Encoding: gzip, chunked",), 501),
        ((b"Transfer-Encoding : chunked",), 400),
        ((b"X: a", b" folded"), 400),
        ((b"X: a\rY: b",), 400),
        ((b"X: a\x00b",), 400),
        ((b"no colon",), 400),
        ((b": no name",), 400),
        ((b"Host: 127.0.0.1",), 400),
        ((b"Host: elsewhere",), 400),
    ],
    ids=lambda case: b"|".join(case)[:40].decode() if isinstance(case, tuple) else str(case),
)
def test_what_could_be_read_in_two_ways_is_refused(wire: Wire, fields: tuple[bytes, ...], status: int):
    wire.send(head("POST", "/predict/digit", b"Content-Type: image/png", *fields))
    answer = wire.answer()
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert wire.has_ended()


@pytest.mark.parametrize(
    "start",
    [
        b"GET /health/live HTTP/1.1\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: a b\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: http://a\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: a, b\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: a:b\r\n",
        b"GET /health/live HTTP/1.0\r\nHost: a\r\nHost: a\r\n",
        b"POST /predict/digit HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
        b"GET /health/live HTTP/1.2\r\nHost: a\r\n",
        b"GET /health/live\r\nHost: a\r\n",
        b"GET /h\xc3\xa9 HTTP/1.1\r\nHost: a\r\n",
        b"GET http:///x:y:z HTTP/1.1\r\nHost: a\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n",
    ],
)
def test_a_head_of_no_clear_meaning_is_refused(wire: Wire, start: bytes):
    wire.send(start + b"\r\n")
    answer = wire.answer()
    assert answer.status == 400
    assert json.loads(answer.body)["type"] == "urn:fitserve:problem:malformed"
    assert wire.has_ended()


def test_the_oldest_clients_need_no_host(wire: Wire):
    wire.send(b"GET /health/live HTTP/1.0\r\n\r\n")
    assert wire.answer().status == 200


def test_a_body_in_many_small_chunks_is_read(wire: Wire):
    body = SEVEN * 3
    start = head("POST", "/predict/digit", b"Content-Type: image/png", b"Transfer-Encoding: chunked")
    wire.send(start + chunked(*(body[at : at + 1] for at in range(len(body)))))
    assert wire.answer().status == 200


def test_a_trailer_is_no_header(wire: Wire):
    start = head("POST", "/predict/digit", b"Transfer-Encoding: chunked")
    wire.send(start + chunked(SEVEN)[:-2] + b"Content-Type: image/png\r\nX-Request-ID: trailer\r\n\r\n")
    answer = wire.answer()
    assert (answer.status, answer.headers["X-Request-ID"] == "trailer") == (415, False)
    wire.send(head("GET", "/health/live"))
    assert wire.answer().status == 200


def test_what_breaks_behind_its_answer_has_no_second_one(wire: Wire):
    wire.send(head("POST", "/predict/digit", b"Transfer-Encoding: chunked"))
    assert wire.answer().status == 415
    wire.send(b"no size\r\n", head("GET", "/metrics"))
    assert wire.has_ended()


@pytest.mark.parametrize("chunk", [b"x\r\n", b"5\r\nab", b"1 \r\na\r\n", b"1\na\n", b"f" * 17 + b"\r\n", b"-1\r\n"])
def test_broken_chunks_are_refused(wire: Wire, chunk: bytes):
    start = head("POST", "/predict/digit", b"Content-Type: image/png", b"Transfer-Encoding: chunked")
    wire.send(start + b"2\r\nab\r\n", chunk + b"\r\n" + head("GET", "/metrics"))
    assert wire.answer().status == 400
    assert wire.has_ended()


def test_a_length_of_thousands_of_digits_is_refused_wherever_it_is(service: Service):
    length = {"Inference-Header-Content-Length": "1" * 5000}
    answer = service.client.post("/v2/models/digit/infer", content=b"{}", headers=length)
    assert answer.status_code == 400


def test_the_bounds_can_be_set(tmp_path: Path):
    limits = {"max_header_bytes": 1000, "max_header_fields": 5, "max_pipelined": 2}
    with Service(store=tmp_path, starters=STARTERS, **limits) as service:
        for field, status in ((b"X: " + b"a" * 500, 200), (b"X: " + b"a" * 1000, 431)):
            with Wire(service.port) as wire:
                wire.send(head("GET", "/health/live", field))
                assert wire.answer().status == status
        with Wire(service.port) as wire:
            wire.send(head("GET", "/health/live", *repeat(b"x: y", 5)))
            assert wire.answer().status == 431
