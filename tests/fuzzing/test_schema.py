"""Schemathesis over the whole OpenAPI document, with all of its checks: FUZZING=long tries thousands of requests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.keys import Scope, create_key
from app.settings import STARTERS
from tests.fuzzing.untrained import UntrainedService

IS_LONG = os.environ.get("FUZZING") == "long"
CONFIG = Path(__file__).with_name("schemathesis.toml")
LONG = ("--max-examples", "60")
SHORT = ("--phases", "examples,fuzzing", "--max-examples", "3", "--generation-deterministic")


@pytest.fixture
def key(tmp_path: Path) -> str:
    return create_key(tmp_path / "keys", Scope.ADMIN, "fuzzing")


@pytest.mark.timeout(3600 if IS_LONG else 300)
def test_every_answer_is_as_the_document_says(tmp_path: Path, key: str):
    settings = {"store": tmp_path / "store", "starters": STARTERS, "data_dir": tmp_path / "none", "offline": True}
    with UntrainedService(api_keys_file=tmp_path / "keys", **settings) as service:
        address = f"http://127.0.0.1:{service.port}/openapi.json"
        said = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG, "run", address),
                *("--header", f"Authorization: Bearer {key}", "--generation-with-security-parameters", "false"),
                *(LONG if IS_LONG else SHORT),
            ],
            cwd=tmp_path,  # where it leaves its reports
            capture_output=True,
            text=True,
        )
        assert said.returncode == 0, said.stdout
        tried = re.search(r"(\d+) generated, (\d+) passed", said.stdout)
        assert tried, said.stdout
        assert int(tried[2]) > (2000 if IS_LONG else 200)
        assert re.search(r"Selected: (\d+)/\1\n +Tested: \1\n", said.stdout), said.stdout  # every operation
        assert service.client.get("/health/ready").status_code == 200
