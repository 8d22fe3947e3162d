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

from app.store.connection import Connection

ROOT = Path(__file__).resolve().parents[1]
FAULTS = "/faults"
BUCKET = "tests"
ACCESS = {
    "AWS_ACCESS_KEY_ID": "fitserve",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Faults:
    """Passes requests on one at a time, but for those that a test wants refused.

    PUT /faults with {"status": 503, "only": "PUT"} answers so, until {} is put there.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._turn = threading.Lock()
        self._fault: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        chunked = environ.get("wsgi.input_terminated", False)
        body = environ["wsgi.input"].read(-1 if chunked else length)
        if len(body) < length:  # the writer was killed
            return _refuse(start, 400, "IncompleteBody")
        if environ["PATH_INFO"] == FAULTS:
            self._fault = json.loads(body)
            start("204 No Content", [])
            return []
        if self._fault and environ["REQUEST_METHOD"] in self._fault.get("only", environ["REQUEST_METHOD"]):
            return _refuse(start, self._fault["status"], self._fault.get("code", "ServiceUnavailable"))
        with self._turn:
            return list(self._app(environ | {"wsgi.input": io.BytesIO(body)}, start))


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
    def failing(self, status: int, code: str = "ServiceUnavailable", only: str | None = None) -> Iterator[None]:
        """Within it, requests, or those of one method, are refused."""
        self._set({"status": status, "code": code, **({"only": only} if only else {})})
        try:
            yield
        finally:
            self._set({})

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
    pytest.importorskip("s3fs", reason="needs the extra cluster (make .venv/.cluster)")
    pytest.importorskip("moto", reason="needs the extra cluster-dev (make .venv/.cluster)")
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
