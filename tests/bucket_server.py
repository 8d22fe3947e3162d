"""A bucket for tests: moto's S3 in a process of its own, as careful as S3 about conditions, and told to fail by tests.

moto heeds If-Match and If-None-Match but looks and writes in two steps; here requests come one at a time, each with its
whole body, so that what S3 promises of a single object holds: `python -m tests.bucket_server` prints its address.
"""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.store.s3_connection import Connection

ROOT = Path(__file__).resolve().parents[1]
FAULTS = "/faults"
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
BUCKET = "tests"
ACCESS = {
    "AWS_ACCESS_KEY_ID": "fitserve",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Faults:
    """Passes requests on one at a time, and does what a test wants to happen.

    PUT /faults with {"status": 503, "only": "PUT"} answers so, until {} is put there; with "done" what was asked is
    done all the same, with "times" only so often. {"heedless": true} ignores conditions. GET tells how many requests
    came.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._turn = threading.Lock()
        self._fault: dict[str, Any] = {}
        self._requests = 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        chunked = environ.get("wsgi.input_terminated", False)
        body = environ["wsgi.input"].read(-1 if chunked else length)
        if len(body) < length:  # the writer was killed
            return _refuse(start, 400, "IncompleteBody")
        if environ["PATH_INFO"] == FAULTS:
            self._fault = json.loads(body) if body else self._fault
            start("200 OK", [])
            return [str(self._requests).encode()]
        with self._turn:
            self._requests += 1
            return self._answer(environ | {"wsgi.input": io.BytesIO(body)}, start)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        fault = self._fault
        if fault.get("heedless"):
            environ = {name: value for name, value in environ.items() if name not in CONDITIONS}
        elif fault and environ["REQUEST_METHOD"] == fault.get("only", environ["REQUEST_METHOD"]):
            if fault.get("done"):
                list(self._app(environ, lambda *_: None))
            fault["times"] = fault.get("times", 10**9) - 1
            if fault["times"] == 0:
                self._fault = {}
            return _refuse(start, fault["status"], fault.get("code", "ServiceUnavailable"))
        return list(self._app(environ, start))


def _refuse(start: Callable[..., Any], status: int, code: str) -> list[bytes]:
    start(f"{status} Refused", [("Content-Type", "application/xml")])
    return [f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()]


class BucketServer:
    """The process, and where it listens."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url
        self.connection = Connection(timeout=5)

    @contextmanager
    def failing(self, status: int = 503, code: str = "ServiceUnavailable", **more: object) -> Iterator[None]:
        """Within it, requests are refused, or what else Faults can do happens."""
        self._set({"status": status, "code": code, **more})
        try:
            yield
        finally:
            self._set({})

    @property
    def requests(self) -> int:
        """How many requests there were so far."""
        with urllib.request.urlopen(f"{self.url}{FAULTS}", timeout=10) as answer:
            return int(answer.read())

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Within it, the process does nothing at all: what is sent to it is not answered."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def _set(self, fault: dict[str, Any]) -> None:
        request = urllib.request.Request(f"{self.url}{FAULTS}", json.dumps(fault).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def serving() -> Iterator[BucketServer]:
    """The server with a bucket in it, and this process's environment pointing there; skips what lacks it."""
    pytest.importorskip("s3fs", reason="needs the extra cluster (scripts/venv.sh .venv train,dev,cluster)")
    pytest.importorskip("moto", reason="needs the extra dev")
    process = subprocess.Popen([sys.executable, "-m", "tests.bucket_server"], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout
    before = dict(os.environ)
    try:
        url = process.stdout.readline().decode().strip()
        os.environ.update(ACCESS, AWS_ENDPOINT_URL=url)
        urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"), timeout=60).close()
        yield BucketServer(process, url)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        for name in (*ACCESS, "AWS_ENDPOINT_URL"):
            os.environ.pop(name, None)
        os.environ.update(before)


def main() -> None:
    """Serve until killed."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415  tests import this module without moto, too
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415

    app = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_quiet(MotoRequestHandler))
    sys.stdout.write(f"http://127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _quiet(handler: type[Any]) -> type[Any]:
    class Quiet(handler):  # type: ignore[misc]
        def log(self, kind: str, message: str, *arguments: object) -> None:
            """Nobody reads it."""

    return Quiet


if __name__ == "__main__":
    main()
