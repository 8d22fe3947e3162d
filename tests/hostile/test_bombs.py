"""Bodies that are small on the wire and large behind it: refused with little memory, and nobody waits for them."""

import gzip
import threading
import zlib
from collections.abc import Iterator
from itertools import repeat

import httpx2
import pytest

from app.families.imaging import png
from app.settings import STARTERS
from bench.servers import memory
from tests.drawing import draw_digit
from tests.hostile import IS_LONG
from tests.hostile.wire import Wire, head
from tests.service import Caller, Service
from tests.waiting import until

MEGABYTES = 4000 if IS_LONG else 60
SEVEN = png(draw_digit(7, 28, 2.5))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("bombs")
    with Service(store=folder / "store", starters=STARTERS, offline=True) as running:
        yield running


def bomb(encoding: str) -> bytes:
    compressor = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    parts = [compressor.compress(megabyte) for megabyte in repeat(bytes(1_000_000), MEGABYTES)]
    return b"".join([*parts, compressor.flush()])


def test_bombs_are_refused_and_disturb_nobody(service: Service):
    caller = Caller(service, SEVEN)
    asking = threading.Thread(target=caller)
    asking.start()
    until(lambda: caller.answers, 10, "somebody is served")
    before, statuses = memory(service.process), []
    bombs = {encoding: bomb(encoding) for encoding in ("gzip", "deflate")}

    def send(path: str, encoding: str, kind: str):
        headers = {"Content-Type": kind, "Content-Encoding": encoding}
        url = f"http://127.0.0.1:{service.port}{path}"
        statuses.append(httpx2.post(url, content=bombs[encoding], headers=headers, timeout=30).status_code)

    paths = {
        "/predict/digit": "image/png",
        "/generate": "application/json",
        "/v1/models/digit:predict": "application/json",
        "/v2/models/digit/infer": "application/json",
        "/train/text": "application/json",
    }
    senders = [
        threading.Thread(target=send, args=[path, encoding, kind])
        for path, kind in paths.items()
        for encoding in ("gzip", "deflate")
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    answers = len(caller.answers)
    until(lambda: len(caller.answers) > answers + 1, 10, "somebody is served still")
    caller.stop()
    asking.join()
    assert statuses == [413] * len(senders)
    assert caller.failures == []
    assert memory(service.process) < before + 400  # each holds its limit for a moment


def test_a_bomb_in_the_encoding_of_transfers_is_refused(service: Service):
    with Wire(service.port) as wire:
        wire.send(head("POST", "/predict/digit", b"Content-Type: image/png", b"Transfer-Encoding: gzip, chunked"))
        assert wire.answer().status == 501
        assert wire.has_ended()


def test_an_endless_stream_of_nothing_is_refused(service: Service):
    fields = (b"Content-Type: image/png", b"Content-Encoding: gzip", b"Transfer-Encoding: chunked")
    empty = gzip.compress(b"") * 1000
    with Wire(service.port) as wire:
        wire.send(head("POST", "/predict/digit", *fields))
        wire.pour(repeat(b"%x\r\n%s\r\n" % (len(empty), empty), 50))
        assert wire.answer().status == 400
