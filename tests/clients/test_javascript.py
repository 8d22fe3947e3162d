"""The JavaScript client: made from what the service says of itself, and run under Node against a real service."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.clients.generated_client import CLIENT, made
from tests.second_version import publish_second_version
from tests.service import Service

ROOT = Path(__file__).resolve().parents[2]
node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node: apt-get install nodejs")


def test_what_is_made_is_up_to_date():
    for name, content in made().items():
        assert (CLIENT / name).read_text() == content, f"{name} is out of date: make client"


@node
def test_the_client_does_what_it_says_under_node(tmp_path: Path):
    package = tmp_path / "node_modules" / "fitserve"
    shutil.copytree(CLIENT, package, ignore=shutil.ignore_patterns("test"))
    tests = shutil.copytree(CLIENT / "test", tmp_path / "test")
    for _ in range(2):
        publish_second_version(ModelStore(tmp_path / "store"))  # so that there are versions to change
    with Service(store=tmp_path / "store", starters=STARTERS, offline=True) as service:
        environment = os.environ | {
            "FITSERVE_URL": f"http://127.0.0.1:{service.port}",
            "SEVEN": str(ROOT / "docs" / "pictures" / "seven.png"),
        }
        command = ["node", "--test", *map(str, tests.glob("*.test.js"))]
        # .js under a folder without a package.json is CommonJS to Node
        (tmp_path / "package.json").write_text('{"type": "module"}')
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_call_is_in_the_documents():
    declared = (CLIENT / "fitserve.d.ts").read_text()
    body = declared.partition("declare class Fitserve {")[2].partition("\n}")[0]
    calls = set(re.findall(r"^  (\w+)[<(]", body, flags=re.MULTILINE)) - {"constructor"}
    page = (ROOT / "docs" / "front-end.md").read_text()
    assert not [call for call in calls if f"`{call}`" not in page]


@node
@pytest.mark.train
def test_the_example_of_the_documents_runs(tmp_path: Path):
    page = (ROOT / "docs" / "front-end.md").read_text()
    (example,) = re.findall(r"^```js\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    shutil.copytree(CLIENT, tmp_path / "node_modules" / "fitserve")
    with Service(store=tmp_path / "store", starters=STARTERS, offline=True) as service:
        script = tmp_path / "example.mjs"
        script.write_text(example.replace("http://localhost:8000", f"http://127.0.0.1:{service.port}"))
        done = subprocess.run(["node", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *words, epoch, compared, traffic, invalid_text = done.stdout.splitlines()
    assert len(words) == 5
    assert epoch.startswith("1 0.")
    assert compared.startswith("false 0.")  # the starter was tested on MNIST
    assert traffic == "{ '1': 90, '2': 10 }"
    assert invalid_text.startswith("422 not a picture")
