"""Java's HttpClient, on which Java's frameworks build: it offers HTTP/2 with every first request."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from app.settings import STARTERS
from tests.service import Service

PROGRAM = Path(__file__).with_name("HttpClientProgram.java")
SEVEN = Path(__file__).parents[2] / "docs" / "pictures" / "seven.png"


@pytest.mark.skipif(shutil.which("java") is None, reason="needs java: apt-get install default-jre-headless")
def test_a_program_predicts_and_trains(tmp_path: Path):
    limits = {"max_body_bytes": 100_000, "run_supervisor": False}
    with Service(store=tmp_path / "store", starters=STARTERS, offline=True, **limits) as service:
        command = ["java", str(PROGRAM), f"http://127.0.0.1:{service.port}", str(SEVEN)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = [
        (int(status), json.loads(body)) for status, body in (line.split(" ", 1) for line in done.stdout.splitlines())
    ]
    assert [status for status, _ in answers] == [200, 202, 202, 413] * 4
    assert {answer["label"] for status, answer in answers if status == 200} == {"7"}
    jobs = [answer for status, answer in answers if status == 202]
    assert all((job["hyperparameters"]["dataset"], job["promote"]) == ("sample", "never") for job in jobs)
