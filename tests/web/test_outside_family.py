"""A family of an installed package: found by its entry point, with no edit here, on the command line and over HTTP."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = '''
"""A family from outside: pictures that are bright or dark."""
from app.families.contract import Family, Hyperparameters

FAMILY = Family(
    name="brightness", title="Bright or dark", built_in_models=("brightness",), task="classify",
    hyperparameters=Hyperparameters, recipe="outside.recipe:Recipe", servable="outside.servable:Servable",
    files=lambda _: (), model=lambda _: "brightness", sample={}, users_name_models=True,
)
'''
ASK = """
from starlette.testclient import TestClient
from app.settings import Settings
from app.web.app import create_app

with TestClient(create_app(Settings())) as client:
    assert [m["family"] for m in client.get("/models").json() if m["model"] == "brightness"] == ["brightness"]
    assert "brightness" in client.get("/v2/models").json()["models"]
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/train/brightness", "/predict/brightness"} <= paths.keys(), sorted(paths)
    asked = client.post("/train/brightness", json={"model": "mine"})
    assert asked.status_code == 202, asked.text
    taken = client.post("/train/text", json={"model": "mine"})
    assert taken.status_code == 409, taken.text
    assert "brightness" in taken.json()["detail"]
    assert client.post("/train/text", json={"model": "brightness"}).status_code == 422
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A process that has the package installed, as pip would leave it."""
    site = tmp_path / "site"
    for name, content in {
        "outside/__init__.py": "",
        "outside/spec.py": SPEC,
        "outside-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n",
        "outside-1.0.dist-info/entry_points.txt": "[fitserve.families]\nbrightness = outside.spec:FAMILY\n",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content)
    paths = [str(site), str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    chosen = {"FITSERVE_STORE": str(tmp_path / "store"), "FITSERVE_STARTERS": str(tmp_path / "none")}
    chosen |= {"FITSERVE_RUN_SUPERVISOR": "false", "PYTHONPATH": os.pathsep.join(paths)}
    return {**os.environ, **chosen}


def run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_it_is_a_command(environment: dict[str, str]):
    assert "Bright or dark" in run(environment, "-c", "from app.cli import app; app()", "train", "--help")


def test_it_is_served_and_trained_over_http_and_its_models_have_names(environment: dict[str, str]):
    run(environment, "-c", ASK)
