"""Servers under load: started, called by wrk, measured."""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings import STARTERS

BOUNDARY = "fitserve"
SCRIPT = """
local file = io.open("{body}", "rb")
wrk.body = file:read("*a")
wrk.method = "POST"
wrk.headers["Content-Type"] = "multipart/form-data; boundary={boundary}"
"""
START_SECONDS = 60


@contextmanager
def started(
    command: list[str], port: int, path: str, log: str = os.devnull, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A server process that answers at `path` and logs to a file or nowhere, and the seconds it took to get there."""
    begun = time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=output)
    try:
        while time.monotonic() < begun + START_SECONDS:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                    break
            except OSError:
                time.sleep(0.01)
        yield process, time.monotonic() - begun
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def fitserve(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The service with a store of its own, which holds the starter versions, ready on a port."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PORT": str(port), "STORE": f"{folder}/store", "STARTERS": str(STARTERS)}
        named = {f"FITSERVE_{name}": value for name, value in environment.items()}
        with started([sys.executable, "-m", "app.main"], port, "/health/ready", **named) as (process, _):
            yield process


def write_script(folder: Path, content: bytes) -> Path:
    """A script for wrk that posts the file as curl -F file=@picture does."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="picture"\r\n'
    body = f"{head}Content-Type: image/png\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    (folder / "body").write_bytes(body)
    script = folder / "post.lua"
    script.write_text(SCRIPT.format(body=folder / "body", boundary=BOUNDARY))
    return script


def load(url: str, script: Path, connections: int, seconds: int) -> tuple[float, float]:
    """Requests a second and the 99th percentile of latency in ms; every answer must be a 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said, said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert rate
    assert tail
    return float(rate[1]), float(tail[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[tail[2]]


def memory(process: subprocess.Popen[bytes]) -> float:
    """Resident memory in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024
