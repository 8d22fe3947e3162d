"""Compressed bodies and answers: whatever a request's encoding, the limits count what comes out of it."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.errors import Malformed
from app.settings import Settings
from app.web.app import create_app
from app.web.content_encodings import preferred
from app.web.middleware.compression import Compression
from app.web.middleware.decompression import PIECE, Decompression, Stream
from tests.web.test_limits import call

SEVEN = (Path(__file__).parents[2] / "docs" / "pictures" / "seven.png").read_bytes()
PNG = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "upper case": ("GZIP", gzip.compress),
    "gzip in members": ("gzip", lambda data: gzip.compress(data[:50]) + gzip.compress(b"") + gzip.compress(data[50:])),
    "deflate": ("deflate", zlib.compress),
    "deflate without a head": ("deflate", raw_deflate),
    "stored": ("deflate", lambda data: zlib.compress(data, 0)),
    "identity": ("identity", lambda data: data),
    "nothing beside": ("identity, gzip", gzip.compress),
}


@pytest.mark.parametrize(("encoding", "encode"), ENCODERS.values(), ids=ENCODERS)
def test_every_route_reads_a_compressed_body(unchanged: TestClient, encoding: str, encode: Callable[[bytes], bytes]):
    def post(path: str, body: bytes, headers: dict[str, str]):
        return unchanged.post(path, content=encode(body), headers=headers | {"Content-Encoding": encoding})

    assert post("/predict/digit", SEVEN, PNG).json()["label"] == "7"
    form = unchanged.build_request("POST", "/predict/digit", files={"file": SEVEN})
    kind = {"Content-Type": form.headers["content-type"]}
    assert post("/predict/digit", form.read(), kind).json()["label"] == "7"
    assert post("/generate", b'{"seed_text":"a","next_words":1}', JSON).status_code == 200
    rows = json.dumps({"instances": [[[[0.0]] * 28] * 28]}).encode()
    assert len(post("/v1/models/digit:predict", rows, JSON).json()["predictions"]) == 1
    head = json.dumps(
        {
            "inputs": [
                {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(SEVEN) + 4}}
            ]
        }
    ).encode()
    tensor = len(SEVEN).to_bytes(4, "little") + SEVEN
    answer = post("/v2/models/digit/infer", head + tensor, {"Inference-Header-Content-Length": str(len(head))})
    assert answer.json()["outputs"][0]["shape"] == [1, 10]
    assert post("/v1/completions", b'{"model":"lstm","prompt":"a","max_tokens":1}', JSON).status_code == 200


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "deflate, gzip", "what", "gzip;q=1"])
@pytest.mark.parametrize("path", ["/predict/digit", "/generate", "/train/digit", "/v1/completions", "/sweeps"])
def test_an_encoding_that_is_not_known_is_refused_with_those_that_are(unchanged: TestClient, path: str, encoding: str):
    answer = unchanged.post(path, content=b"x", headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, deflate")


BROKEN = {
    "no gzip": ("gzip", b"this is not gzip"),
    "cut off": ("gzip", gzip.compress(SEVEN)[:-20]),
    "without its sum": ("gzip", gzip.compress(SEVEN)[:-8]),
    "a wrong sum": ("gzip", gzip.compress(SEVEN)[:-8] + bytes(8)),
    "followed by something": ("gzip", gzip.compress(SEVEN) + b"something"),
    "a broken middle": ("gzip", gzip.compress(SEVEN)[:60] + b"\xff" * 60 + gzip.compress(SEVEN)[120:]),
    "no deflate": ("deflate", b"\xff\xff\xff\xff"),
    "deflate cut off": ("deflate", zlib.compress(SEVEN)[:-1]),
    "deflate twice": ("deflate", zlib.compress(SEVEN) * 2),
    "one byte": ("gzip", b"\x1f"),
    "a dictionary": ("deflate", b"\x78\xbb\x00\x00\x00\x01"),
}


@pytest.mark.parametrize(("encoding", "body"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", ["/predict/digit", "/generate", "/v1/models/digit:predict", "/v2/models/digit/infer"])
def test_a_broken_body_is_refused(unchanged: TestClient, path: str, encoding: str, body: bytes):
    headers = (PNG if path == "/predict/digit" else JSON) | {"Content-Encoding": encoding}
    assert unchanged.post(path, content=body, headers=headers).status_code == 400


def test_an_encoding_of_nothing_is_nothing(unchanged: TestClient):
    answer = unchanged.post("/predict/digit", content=b"", headers=PNG | {"Content-Encoding": "gzip"})
    assert answer.status_code == 422
    assert unchanged.get("/models", headers={"Content-Encoding": "gzip"}).status_code == 200


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress])
def test_the_limit_counts_what_comes_out(settings: Settings, encode: Callable[[bytes], bytes]):
    encoding = "gzip" if encode is gzip.compress else "deflate"
    headers = PNG | {"Content-Encoding": encoding}
    with TestClient(create_app(settings.model_copy(update={"max_body_bytes": 1_000_000}))) as client:
        assert client.post("/predict/digit", content=encode(bytes(1_000_000)), headers=headers).status_code == 422
        assert client.post("/predict/digit", content=encode(bytes(1_000_001)), headers=headers).status_code == 413


def drained(encoding: str, *packets: bytes) -> tuple[int, int]:
    """How much comes out, and the largest piece."""
    stream, total, largest = Stream(encoding), 0, 0
    for packet in packets:
        stream.feed(packet)
        while piece := stream.take():
            total, largest = total + len(piece), max(largest, len(piece))
    stream.finish()
    return total, largest


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress, raw_deflate])
@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 20_000_000])
@pytest.mark.parametrize("step", [1_000_000, 100])
def test_pieces_are_of_bounded_size_and_nothing_is_lost(encode: Callable[[bytes], bytes], size: int, step: int):
    packed = encode(bytes(size))
    encoding = "gzip" if encode is gzip.compress else "deflate"
    total, largest = drained(encoding, *(packed[at : at + step] for at in range(0, len(packed), step)))
    assert (total, largest <= PIECE) == (size, True)


def test_a_bomb_takes_no_memory():
    bomb = gzip.compress(bytes(200_000_000), 9)
    stream = Stream("gzip")
    tracemalloc.start()
    stream.feed(bomb)
    for _ in range(40):
        assert len(stream.take()) == PIECE
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(bomb) * 3 + 4 * PIECE


@pytest.mark.parametrize(
    "part",
    [gzip.compress(b""), gzip.compress(b"x")],
    ids=["of nothing", "of one byte"],
)
def test_a_stream_of_next_to_nothing_is_not_read_for_ever(part: bytes):
    with pytest.raises(Malformed, match="larger than its content"):
        drained("gzip", part * 10_000)


def test_what_does_not_compress_may_be_sent_compressed():
    stored = zlib.compress(bytes(range(256)) * 200_000, 0)
    assert drained("deflate", *(stored[at : at + 65_536] for at in range(0, len(stored), 65_536)))[0] == 51_200_000


@pytest.mark.anyio
async def test_what_takes_long_to_decompress_is_not_done_on_the_loop(monkeypatch: pytest.MonkeyPatch):
    threads = []
    to_thread = asyncio.to_thread

    async def noted(function, *arguments):
        threads.append(function)
        return await to_thread(function, *arguments)

    async def reading(scope, receive, send):  # noqa: ARG001
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    monkeypatch.setattr(asyncio, "to_thread", noted)
    headers = [(b"content-encoding", b"gzip")]
    await call(Decompression(reading), body=(gzip.compress(SEVEN),), headers=headers)
    assert not threads
    await call(Decompression(reading), body=(gzip.compress(bytes(10 * PIECE)),), headers=headers)
    assert len(threads) >= 9


# ---- answers


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None), ("gzip", "gzip"), ("deflate", "deflate"), ("br", None), ("gzip, deflate, br", "gzip"),
        ("deflate, gzip", "gzip"), ("gzip;q=0.5, deflate;q=0.8", "deflate"), ("gzip;q=0", None), ("*", "gzip"),
        ("*;q=0", None), ("gzip;q=0, *", "deflate"), ("GZIP", "gzip"), ("x-gzip", "gzip"), ("gzip; q=0.3", "gzip"),
        ("identity", None), ("identity, gzip;q=0.5", None), ("gzip;q=x", None), ("gzip;q=0.0", None), (",,,", None),
        ("gzip;q=nan", None), ("gzip;q=-1", None),
    ],
)  # fmt: skip
def test_the_encoding_that_the_client_likes_best_is_taken(accepted: str, encoding: str | None):
    assert preferred(accepted) == encoding


@pytest.mark.parametrize(("encoding", "decode"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
def test_long_json_is_compressed_on_request(unchanged: TestClient, encoding: str, decode: Callable[[bytes], bytes]):
    plain = unchanged.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    with unchanged.stream("GET", "/openapi.json", headers={"Accept-Encoding": encoding}) as packed:
        body = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == encoding
    assert int(packed.headers["content-length"]) == len(body) < len(plain.content) / 3
    assert json.loads(decode(body)) == plain.json()
    assert "content-encoding" not in plain.headers
    for answer in (plain, packed):
        assert "accept-encoding" in answer.headers["vary"].lower()


def test_what_is_short_or_no_json_or_a_stream_is_left_alone(unchanged: TestClient):
    accept = {"Accept-Encoding": "gzip"}
    short = unchanged.get("/health/live", headers=accept)
    text = unchanged.get("/metrics", headers=accept)
    words = {"seed_text": "a", "next_words": 40, "stream": True}
    stream = unchanged.post("/generate", json=words, headers=accept)
    for answer in (short, text, stream):
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers
    assert len(stream.content) > 1024


@pytest.mark.anyio
async def test_json_that_comes_in_pieces_is_passed_on_piece_by_piece():
    sent = []

    async def streaming(scope, receive, send):  # noqa: ARG001
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"[" * 2000, "more_body": number < 2})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]}
    await Compression(streaming)(scope, None, send)  # type: ignore[arg-type]
    assert [message.get("body") for message in sent] == [None, *[b"[" * 2000] * 3]


@pytest.mark.anyio
async def test_what_takes_long_to_compress_is_not_done_on_the_loop(monkeypatch: pytest.MonkeyPatch):
    threads = []
    to_thread = asyncio.to_thread

    async def noted(function, *arguments):
        threads.append(function)
        return await to_thread(function, *arguments)

    monkeypatch.setattr(asyncio, "to_thread", noted)

    async def ask(size: int):
        async def answer(scope, receive, send):  # noqa: ARG001
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": bytes(size)})

        return await call(Compression(answer), method="GET", headers=[(b"accept-encoding", b"gzip")])

    for size in (2000, 2_000_000):
        assert (b"content-encoding", b"gzip") in (await ask(size))["headers"]
        assert len(threads) == (size > 2000)
