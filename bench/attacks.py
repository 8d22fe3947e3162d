"""What hostile or careless clients send, each kind over and over, from a process of its own.

The process runs at the lowest priority in a session of its own: it stands for other machines, which take none of this
one's time.

    python -m bench.attacks PORT SECONDS JOB

JOB is an ended training whose curves are drawn. Prints how often each kind was sent, and how it was answered.
"""

import http.client
import json
import os
import socket
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from app.confinement import lower_priority

HOST = "127.0.0.1"
PATIENCE = 60  # seconds that an answer may take
PIECE = 1 << 16
PAUSE = 0.1  # seconds between two of a kind
PLOTS = 40
JSON = {"Content-Type": "application/json"}
SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Attacker:
    """Sends to one service; every kind returns the status that it was answered with, 0 where there was none."""

    def __init__(self, port: int, job: str) -> None:
        self._port = port
        self._job = job
        self._endless = endless_network()
        self._pairs = b"[" + b"[]," * 6_000_000 + b"[]]"
        self._bomb = zlib.compress(b"0" * 400_000_000, 9)
        self._corpus = _upload(b"a line of the text that is learned from\n" * 1_200_000, b"epochs", b"-1")

    def upgrade(self) -> int:
        """An offer of HTTP/2 with a request inside its body."""
        offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
        return self._send("POST", "/predict/digit", SMUGGLED, offer | {"Content-Type": "image/png"})

    def foreign_page(self) -> int:
        """What a page of another origin may send without being asked first."""
        return self._send("POST", "/train/digit", b"{}", {"Content-Type": "text/plain", "Origin": "http://evil.test"})

    def long_header(self) -> int:
        """One header of 60 MB."""
        return self._raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ", b"x" * PIECE, 60_000_000 // PIECE)

    def many_headers(self) -> int:
        """A million headers."""
        return self._raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-One: 1\r\n" * 10_000, 100)

    def many_errors(self) -> int:
        """A list of half a million wrong items."""
        return self._send("POST", "/train/digit", b'{"formats":[' + b"1," * 500_000 + b"1]}", JSON)

    def many_keys(self) -> int:
        """A map of fifty thousand keys that nobody asked for."""
        return self._send("POST", "/generate", json.dumps({f"k{n}": 1 for n in range(50_000)}).encode(), JSON)

    def many_lists(self) -> int:
        """18 MB of empty lists."""
        return self._send("POST", "/generate", self._pairs, JSON)

    def large_tensor(self) -> int:
        """256 pictures as decimal numbers, as an honest client may send."""
        rows = np.round(np.random.default_rng(0).random((256, 28, 28, 1)), 6).tolist()
        return self._send("POST", "/v1/models/digit:predict", json.dumps({"instances": rows}).encode(), JSON)

    def endless(self) -> int:
        """A network that never ends on some inputs, and such an input."""
        content = self._send("POST", "/models/digit/import", *_upload(self._endless))
        tensor = {"name": "image", "shape": [1, 28, 28, 1], "datatype": "FP32", "data": [3.0] * 784}
        self._send("POST", "/v2/models/digit/versions/2/infer", json.dumps({"inputs": [tensor]}).encode(), JSON)
        return content

    def bomb(self) -> int:
        """400 MB of zeros in 400 KB."""
        return self._send("POST", "/v1/models/digit:predict", self._bomb, JSON | {"Content-Encoding": "deflate"})

    def odd_tensor(self) -> int:
        """An empty tensor."""
        tensor = {"name": "image", "shape": [0], "datatype": "BYTES", "data": []}
        return self._send("POST", "/v2/models/digit/infer", json.dumps({"inputs": [tensor]}).encode(), JSON)

    def plots(self) -> int:
        """Forty pictures of curves at once."""
        with ThreadPoolExecutor(PLOTS) as threads:
            path = f"/jobs/{self._job}/plot.png"
            return max(threads.map(lambda _: self._send("GET", path), range(PLOTS)))

    def long_text(self) -> int:
        """A training on a text of 48 MB, with a hyperparameter behind it that cannot be."""
        return self._send("POST", "/train/text", *self._corpus)

    def large_body(self) -> int:
        """More bytes than are accepted."""
        return self._send("POST", "/predict/digit", b"x" * 30_000_000, {"Content-Type": "image/png"})

    def _send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def _raw(self, begin: bytes, piece: bytes, times: int) -> int:
        with socket.create_connection((HOST, self._port), PATIENCE) as connection:
            try:
                connection.sendall(begin)
                for _ in range(times):
                    connection.sendall(piece)
            except OSError:
                pass
            try:
                return int(connection.recv(1024)[9:12] or 0)
            except OSError:
                return 0


def endless_network() -> bytes:
    """An ONNX file with the digit starter's inputs and outputs, which loops for ever where a pixel is above 2."""
    carried = [("on", TensorProto.BOOL), ("kept", TensorProto.FLOAT)]
    given = [("step", TensorProto.INT64), ("going", TensorProto.BOOL), ("held", TensorProto.FLOAT)]
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"]), helper.make_node("Identity", ["held"], ["kept"])],
        "body",
        [helper.make_tensor_value_info(name, kind, None if name == "held" else []) for name, kind in given],
        [helper.make_tensor_value_info(name, kind, None if name == "kept" else []) for name, kind in carried],
    )
    nodes = [
        helper.make_node("ReduceMax", ["image"], ["brightest"], keepdims=0),
        helper.make_node("Greater", ["brightest", "limit"], ["hangs"]),
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Loop", ["", "hangs", "column"], ["looped"], body=body),
        helper.make_node("Mul", ["looped", "zeros"], ["flat"]),
        helper.make_node("Softmax", ["flat"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "endless",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 28, 28, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 10])],
        [
            helper.make_tensor("limit", TensorProto.FLOAT, [], [2.0]),
            helper.make_tensor("last", TensorProto.INT64, [1], [1]),
            helper.make_tensor("zeros", TensorProto.FLOAT, [10], [0.0] * 10),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def attack(attacker: Attacker, seconds: float) -> dict[str, Counter[int]]:
    """Every kind in a thread of its own for so long; the statuses of each."""
    kinds: list[Callable[[], int]] = [getattr(attacker, name) for name in vars(Attacker) if not name.startswith("_")]
    seen: dict[str, Counter[int]] = {kind.__name__: Counter() for kind in kinds}
    end = time.monotonic() + seconds

    def repeat(kind: Callable[[], int]) -> None:
        while time.monotonic() < end:
            seen[kind.__name__][kind()] += 1
            time.sleep(PAUSE)

    threads = [threading.Thread(target=repeat, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def _upload(content: bytes, name: bytes = b"like", value: bytes = b"live") -> tuple[bytes, dict[str, str]]:
    """A form with a file, and a field behind it."""
    file = b'--fitserve\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n' + content
    field = b'\r\n--fitserve\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value
    return file + field + b"\r\n--fitserve--\r\n", {"Content-Type": "multipart/form-data; boundary=fitserve"}


def main() -> None:
    """Attack and tell."""
    port, seconds, job = sys.argv[1:]
    os.setsid()
    lower_priority(19)
    attacker = Attacker(int(port), job)
    print("ready", flush=True)
    told: dict[str, Any] = {name: dict(counts) for name, counts in attack(attacker, float(seconds)).items()}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
