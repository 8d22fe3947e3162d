"""JSON is counted before it becomes objects, and parsed where it holds nobody up."""

import asyncio
import base64
import json
import os
import signal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.errors import InvalidRequest, Overloaded, TooLarge, Unavailable
from app.web.requests.base64_text import PIECE, decode_base64
from app.web.requests.json_body import parser_process
from app.web.requests.json_body.parser_process import ParserProcess
from app.web.requests.json_body.parsing import MOST_OBJECTS, parse
from app.web.requests.json_body.reading import MAX_DEPTH, JsonScan
from app.web.requests.json_body.route import JsonRoute

TEXTS = st.text(alphabet='ab,[]{}"\\\n가', max_size=8)
VALUES = st.recursive(
    st.none() | st.integers(0, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=40,
)


def elements(value: Any) -> int:
    """Items of lists and members of objects, and those containers; an empty one counts as one that holds one."""
    if not isinstance(value, list | dict):
        return 0
    inner = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(0, len(inner) - 1) + sum(map(elements, inner))


def scanned(pieces: list[bytes], most: int) -> bool:
    scan = JsonScan(most)
    try:
        for piece in pieces:
            scan.feed(piece)
    except TooLarge:
        return False
    return True


@given(VALUES, st.integers(1, 7))
def test_elements_are_counted_however_the_text_is_cut(value: Any, size: int):
    text = json.dumps(value).encode()
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    number = elements(value)
    assert scanned(pieces, number)
    assert scanned([text], number)
    assert number == 0 or not scanned(pieces, number - 1)


def test_depth_is_counted_across_pieces_and_not_within_texts():
    assert scanned([b"[" * MAX_DEPTH, b"]" * MAX_DEPTH, b"[" * MAX_DEPTH], 10**6)
    assert not scanned([b"[" * MAX_DEPTH, b"[" * 1], 10**6)
    assert not scanned([b'{"a":' * (MAX_DEPTH + 1)], 10**6)
    assert scanned([b'"', b"[" * 1000, b'"'], 10)


def test_lists_of_numbers_become_arrays_where_tensors_are_expected():
    text = b'{"a": [[1, 2], [3, 4]], "b": [1.5, 2], "c": [true, false], "d": ["x"], "e": [], "f": 1}'
    value = parse(text, arrays=True)
    assert [value[name].dtype.kind for name in "abc"] == ["i", "f", "b"]
    assert value["a"].shape == (2, 2)
    assert (value["d"], value["e"], value["f"]) == (["x"], [], 1)
    assert parse(text, arrays=False)["a"] == [[1, 2], [3, 4]]


@pytest.mark.parametrize("text", ["[1, [2]]", "[[1, 2], [3]]", "[1, null]", '[1, "x"]', "[true, 1]", "[1e1, {}]"])
def test_lists_that_are_no_arrays_are_refused(text: str):
    with pytest.raises(InvalidRequest):
        parse(text.encode(), arrays=True)


def test_a_tensor_s_request_holds_few_other_values():
    with pytest.raises(InvalidRequest, match="not numbers"):
        parse(json.dumps([[]] * (MOST_OBJECTS + 1)).encode(), arrays=True)


@pytest.mark.parametrize(
    "text", [b"", b" ", b"{", b"NaN", b'"\\ud800"', b"\xff", '{"a":1}'.encode("utf-16"), b"1" * 5000, b"[1] x"]
)
def test_what_is_no_json_in_utf8_is_refused(text: bytes):
    with pytest.raises(InvalidRequest, match="not JSON in UTF-8"):
        parse(text, arrays=False)


def test_a_byte_order_mark_is_ignored():
    assert parse(b"\xef\xbb\xbf{}", arrays=False) == {}


# ---- the process


@pytest.mark.anyio
async def test_the_process_gives_what_parsing_here_gives():
    parser = ParserProcess()
    text = json.dumps({"a": np.arange(3000).reshape(10, 300).tolist(), "나": "b" * 100_000, "c": None}).encode()
    chunks = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    assert await parser.parse(chunks, arrays=False) == json.loads(text)
    value = await parser.parse(chunks, arrays=True)
    assert (value["a"] == np.arange(3000).reshape(10, 300)).all()
    assert (type(value["나"]), value["나"].decode()) == (bytearray, "b" * 100_000)
    with pytest.raises(InvalidRequest, match="not JSON"):
        await parser.parse([b"{"], arrays=False)
    await parser.close()


@pytest.mark.anyio
async def test_a_process_that_was_lost_is_told_and_replaced():
    parser = ParserProcess()
    assert await parser.parse([b"1"], arrays=False) == 1
    process = parser._process
    assert process
    os.kill(process.pid, signal.SIGSTOP)
    asked = asyncio.create_task(parser.parse([b"2"], arrays=False))
    await asyncio.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await asked
    assert await parser.parse([b"3"], arrays=False) == 3
    await parser.close()


@pytest.mark.anyio
async def test_the_answer_to_one_who_left_goes_to_nobody_else():
    parser = ParserProcess()
    assert await parser.parse([b"1"], arrays=False) == 1
    asked = asyncio.create_task(parser.parse([b"2"], arrays=False))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await parser.parse([b"3"], arrays=False) == 3
    await parser.close()


@pytest.mark.anyio
async def test_only_so_many_texts_wait(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parser_process, "MOST_WAITING", 2)
    parser = ParserProcess()
    asked = [asyncio.create_task(parser.parse([b"%d" % number], arrays=False)) for number in range(3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert answers[:2] == [0, 1]
    assert isinstance(answers[2], Overloaded)
    await parser.close()


@pytest.mark.anyio
async def test_an_idle_process_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parser_process, "IDLE_SECONDS", 0.01)
    parser = ParserProcess()
    assert await parser.parse([b"1"], arrays=False) == 1
    process = parser._process
    assert process
    await asyncio.wait_for(process.wait(), 10)
    assert await parser.parse([b"2"], arrays=False) == 2
    await parser.close()


# ---- base64, and the routes


@pytest.mark.anyio
async def test_base64_is_decoded_in_pieces():
    content = os.urandom(PIECE)
    text = base64.b64encode(content).decode()
    assert await decode_base64(text) == content
    assert await decode_base64(bytearray(b"data:," + text.encode()), 6) == content
    for wrong in ("=" + text, text[:-1], text[: PIECE - 1] + "=" + text[PIECE:], "é", "A"):
        with pytest.raises(ValueError):  # noqa: PT011  each has a sentence of its own
            await decode_base64(wrong)


def test_every_route_with_a_body_reads_it_within_limits(unchanged: TestClient):
    routes = [route for route in flat(unchanged.app.routes) if getattr(route, "body_field", None)]  # type: ignore[attr-defined]
    assert len(routes) >= 8
    assert [route.path for route in routes if not isinstance(route, JsonRoute)] == []


def flat(routes: Any) -> list[Any]:
    found = []
    for route in routes:
        inner = getattr(route, "original_router", None)
        found += flat(inner.routes) if inner else [route]
    return found


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_json_of_another_kind_is_told_the_right_one(unchanged: TestClient, kind: str):
    answer = unchanged.post("/train/digit", content=b'{"epochs": 1}', headers={"content-type": kind})
    assert (answer.status_code, "Content-Type: application/json" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("path", "most"),
    [("/train/digit", 10**6), ("/generate", 10**6), ("/sweeps", 2 * 10**7), ("/train/text", 2 * 10**7)],
)
def test_a_body_above_its_limit_is_too_large(unchanged: TestClient, path: str, most: int):
    headers = {"content-type": "application/json"}
    for content in (b'"' + b"a" * most, (b"a" * 100_000 for _ in range(most // 100_000 + 1))):
        answer = unchanged.post(path, content=content, headers=headers)
        assert (answer.status_code, str(most) in answer.text) == (413, True), answer.text


def test_a_tensor_may_be_longer_than_other_bodies(unchanged: TestClient):
    content = b'{"instances": [[[[0]]]], "context": "' + b"a" * 25_000_000 + b'"}'
    assert unchanged.post("/v1/models/digit:predict", content=content).status_code == 400
    assert unchanged.post("/v1/models/digit:predict", content=content + b" " * 8_000_000).status_code == 413
