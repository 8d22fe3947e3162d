"""A connection to a service, byte by byte, and the answers that come back on it."""

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from email.message import Message
from http.client import parse_headers
from typing import NamedTuple

SECONDS = 15
HOST = b"Host: 127.0.0.1\r\n"


class Answer(NamedTuple):
    """One answer: its status, headers and body."""

    status: int
    headers: Message
    body: bytes


def head(method: str, path: str, *fields: bytes, length: int | None = None) -> bytes:
    """A request's head, with these fields behind Host."""
    if length is not None:
        fields = (*fields, b"Content-Length: %d" % length)
    lines = (f"{method} {path} HTTP/1.1\r\n".encode(), HOST, *(field + b"\r\n" for field in fields))
    return b"".join(lines) + b"\r\n"


def chunked(*chunks: bytes) -> bytes:
    """A body in chunks, and its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


class Wire:
    """A client that sends what it is told to."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._socket.close()

    def send(self, *packets: bytes, pause: float = 0.02) -> None:
        """Send them one by one, so that each arrives alone."""
        for number, packet in enumerate(packets):
            if number:
                time.sleep(pause)
            self._socket.sendall(packet)

    def pour(self, pieces: Iterable[bytes]) -> int:
        """Send until they end or the other side refuses; returns how many bytes it took."""
        taken = 0
        with suppress(ConnectionError):
            for piece in pieces:
                self._socket.sendall(piece)
                taken += len(piece)
        return taken

    def answer(self, method: str = "POST") -> Answer:
        """The next answer."""
        line = self._reader.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        status, headers = int(line.split()[1]), parse_headers(self._reader)
        if status < 200 or status in (204, 304) or method == "HEAD":
            return Answer(status, headers, b"")
        if headers.get("Transfer-Encoding") == "chunked":
            return Answer(status, headers, b"".join(self._chunks()))
        return Answer(status, headers, self._reader.read(int(headers["Content-Length"])))

    def _chunks(self) -> Iterable[bytes]:
        while size := int(self._reader.readline(), 16):
            yield self._reader.read(size)
            self._reader.readline()
        self._reader.readline()

    def has_ended(self) -> bool:
        """Whether the other side says that nothing more comes, and nothing has come."""
        try:
            return self._reader.read(1) == b""
        except ConnectionError:
            return True
