"""The documents say what is true: settings, commands and examples are checked against the code and run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.commands import commands
from app.settings import STARTERS, Settings
from tests.service import QUICK, Service

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_every_setting_is_documented_with_its_default():
    page = (ROOT / "docs" / "operations.md").read_text()
    for name, field in Settings.model_fields.items():
        row = re.search(rf"^\| `FITSERVE_{name.upper()}` \| (.*?) \|", page, flags=re.MULTILINE)
        assert row, f"FITSERVE_{name.upper()} is not in docs/operations.md"
        if isinstance(field.default, int | float | str) and not isinstance(field.default, bool):
            assert f"`{field.default}`" in row[1], f"FITSERVE_{name.upper()} has another default: {field.default}"
    documented = set(re.findall(r"`FITSERVE_([A-Z_]+)` \|", page))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_command_is_in_the_readme():
    names = [command.name or command.callback.__name__ for command in commands.registered_commands if command.callback]
    for name in [*names, "train"]:
        assert f"fitserve {name}" in README


def test_the_readme_in_korean_has_the_same_commands_and_answers():
    korean = (ROOT / "README.ko.md").read_text()
    for language in ("sh", "json"):
        said, meant = (
            [re.sub(r"\s+# .*", "", line) for block in blocks(text, language) for line in block.splitlines()]
            for text in (korean, README)
        )
        assert said == meant


def test_the_two_commands_come_first():
    first, *_ = blocks(README, "sh")
    assert re.findall(r"^make \w+", first, flags=re.MULTILINE) == ["make up", "make test"]


def test_links_between_documents_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.train
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_curl_examples_of_the_readme_answer_as_shown(tmp_path: Path):
    with Service(store=tmp_path / "store", starters=STARTERS, offline=True) as service:
        examples = [line for block in blocks(README, "sh") for line in block.splitlines() if line.startswith("curl ")]
        assert len(examples) >= 5
        job, sweep = service.train(**QUICK, epochs=1, promote="never"), ""
        for line in examples:
            if "rollback" in line:  # nothing was live before
                continue
            command = line.replace("localhost:8000", f"127.0.0.1:{service.port}")
            command = command.replace("/sweeps/ID", f"/sweeps/{sweep}").replace("/ID/", f"/{job}/")
            said = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout
            if line.endswith("/sweeps") and "-d" in line:
                sweep = json.loads(said)["id"]
            if "/predict/digit" in line and "seven.png" in line and "debug" not in line:
                assert '"label":"7"' in said, f"{line}\n{said}"
            elif "/predict/cifar" in line:
                assert '"label":"airplane"' in said, f"{line}\n{said}"
            elif "/events" in line:
                assert '"status": "succeeded"' in said or '"status":"succeeded"' in said, f"{line}\n{said}"
            elif "/train/" in line or "/reproduce" in line:
                assert re.search(r'"status":"queued"|missing-data', said), f"{line}\n{said}"
            elif "-o" not in line:
                assert "urn:fitserve:problem" not in said, f"{line}\n{said}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_examples_of_other_clients_answer(tmp_path: Path):
    page = (ROOT / "docs" / "clients.md").read_text()
    with Service(store=tmp_path / "store", starters=STARTERS, offline=True) as service:

        def told(command: list[str] | str) -> str:
            shell = isinstance(command, str)
            done = subprocess.run(command, shell=shell, cwd=ROOT, capture_output=True, text=True, check=True)
            return done.stdout

        address = f"127.0.0.1:{service.port}"
        curls = [line for block in blocks(page, "sh") for line in block.splitlines()]
        said = [told(line.replace("localhost:8000", address)) for line in curls]
        assert not [answer for answer in said if "error" in answer.replace("error_", "")], said
        assert '["7",' in said[3]
        codes = [code.replace("localhost:8000", address) for code in blocks(page, "python")]
        inferred, completed = (told([sys.executable, "-c", code]) for code in codes)
        assert inferred == "7\n"
        assert len(completed.split()) > 4


@pytest.mark.train
def test_the_model_of_the_how_to_trains_and_answers(tmp_path: Path):
    page = (ROOT / "docs" / "add-a-model.md").read_text()
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    family = tmp_path / "app" / "families" / "brightness"
    family.mkdir()
    (family / "__init__.py").touch()
    names = re.findall(r"^## .*`app/families/brightness/(\w+\.py)`", page, flags=re.MULTILINE)
    for name, code in zip(names, blocks(page, "python"), strict=True):
        (family / name).write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "FITSERVE_STORE": str(tmp_path / "store")}

    def fitserve(*words: str) -> str:
        command = [sys.executable, "-c", "from app.cli import app; app()", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    fitserve("train", "brightness", "--epochs", "5")
    assert "light" in fitserve("predict", "brightness", str(ROOT / "docs" / "pictures" / "seven.png"))
