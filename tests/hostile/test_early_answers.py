"""An answer that is given before the body was read reaches who writes first; what is dropped for it is bounded."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import repeat

import pytest

from app.keys import Scope, create_key
from app.settings import STARTERS
from tests.hostile.wire import Wire, chunked, head
from tests.service import Service

LIMIT = 100_000
BODY = bytes(12_000_000)  # more than what the system's buffers take
PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("early")
    limits = {"max_body_bytes": LIMIT, "allow_unauthenticated": False}
    with Service(store=folder / "store", starters=STARTERS, offline=True, **limits) as running:
        yield running


def by_http_client(port: int, path: str, headers: dict[str, str]) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, BODY, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def by_http_client_in_chunks(port: int, path: str, headers: dict[str, str]) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    pieces = (BODY[start : start + 100_000] for start in range(0, len(BODY), 100_000))
    connection.request("POST", path, pieces, headers, encode_chunked=True)
    status = connection.getresponse().status
    connection.close()
    return status


def by_urllib(port: int, path: str, headers: dict[str, str]) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", BODY, headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    refused.value.close()
    return refused.value.code


NODE = """
const [url, headers, size] = [process.argv[1], JSON.parse(process.argv[2]), Number(process.argv[3])];
const answer = await fetch(url, {method: "POST", body: Buffer.alloc(size), headers});
await answer.text();
console.log(answer.status);
"""


def by_node(port: int, path: str, headers: dict[str, str]) -> int:
    words = [f"http://127.0.0.1:{port}{path}", json.dumps(headers), str(len(BODY))]
    command = ["node", "--input-type=module", "-e", NODE, *words]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node: apt-get install nodejs")
CLIENTS = [by_http_client, by_http_client_in_chunks, by_urllib, pytest.param(by_node, marks=needs_node)]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/predict/digit", PNG, 413),
        ("/train/digit", {"Content-Type": "application/json"}, 413),
        ("/v2/models/digit/infer", {"Content-Type": "application/json"}, 400),  # it is no JSON from its first byte
        ("/predict/digit", PNG | {"Origin": "http://elsewhere.example"}, 403),
        ("/predict/digit", PNG | {"Content-Encoding": "br"}, 415),
    ],
)
def test_who_writes_first_hears_the_answer(service: Service, client, path: str, headers: dict[str, str], status: int):
    assert client(service.port, path, headers) == status


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With keys, room for little, and patience for less."""
    folder = tmp_path_factory.mktemp("strict")
    create_key(folder / "keys", Scope.PREDICT, "somebody")
    limits = {"max_discard_bytes": 1_000_000, "discard_timeout_seconds": 1, "request_timeout_seconds": 1, "max_rate": 1}
    with Service(store=folder / "store", starters=STARTERS, api_keys_file=folder / "keys", **limits) as running:
        yield running


def test_what_is_dropped_has_a_bound_in_bytes(strict: Service):
    with Wire(strict.port) as wire:
        wire.send(head("POST", "/predict/digit", length=10**9))
        assert wire.answer().status == 401
        assert wire.pour(repeat(bytes(100_000), 1000)) < 20_000_000  # the system's buffers take some


def test_what_is_dropped_has_a_bound_in_seconds(strict: Service):
    with Wire(strict.port) as wire:
        wire.send(head("POST", "/predict/digit", length=10**9))
        begun = time.monotonic()
        assert wire.answer().status == 401
        assert wire.has_ended()  # of answers, and the rest is listened to
        assert wire.pour(tick(0.1)) < 100
        assert time.monotonic() - begun < 10


def tick(seconds: float) -> Iterator[bytes]:
    while True:
        yield b"x"
        time.sleep(seconds)


def test_a_connection_whose_small_body_is_dropped_goes_on(strict: Service):
    with Wire(strict.port) as wire:
        for _ in range(2):
            wire.send(head("POST", "/health/live", b"Transfer-Encoding: chunked"))
            assert wire.answer().status == 405
            wire.send(chunked(bytes(100_000), bytes(100_000)))
        wire.send(head("GET", "/health/live"))
        assert wire.answer().status == 200


def test_a_body_that_does_not_come_is_answered_and_what_comes_later_dropped(strict: Service):
    with Wire(strict.port) as wire:
        wire.send(head("PUT", "/health/live", length=900_000))
        assert wire.answer().status == 405
        wire.send(bytes(900_000) + head("GET", "/health/live"))
        assert wire.answer().status == 200


def test_who_waits_for_leave_and_gets_an_answer_is_not_misunderstood(strict: Service):
    hidden = head("GET", "/health/ready")
    with Wire(strict.port) as wire:
        wire.send(head("POST", "/health/live", b"Expect: 100-continue", length=len(hidden) + 1))
        assert wire.answer().status == 405
        wire.send(hidden)
        assert wire.has_ended()
