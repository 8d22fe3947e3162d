"""What is installed is pinned: by version in constraints.txt, by hash in requirements/, and by no address."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
ENTRY = re.compile(r"^([\w.-]+)==(\S+)( ; .*?)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n", re.MULTILINE)


def pins(path: Path) -> set[str]:
    return {f"{name}=={version}{marker}" for name, version, marker, _ in ENTRY.findall(path.read_text())}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s<>=\[;]", one)[0] for one in requirements}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_is_a_pin_with_hashes(path: Path):
    text = path.read_text()
    assert ENTRY.sub("", text) == ""
    assert "/" not in re.sub(r" ; .*", "", text)


def versions(lines: set[str]) -> set[str]:
    """Pins without what says where they are wanted: one extra may want less than all together."""
    return {line.partition(" ;")[0] for line in lines}


def test_both_say_the_same():
    pinned = versions({line for line in (ROOT / "constraints.txt").read_text().splitlines() if line})
    hashed = versions(set().union(*(pins(path) for path in FILES)))
    assert hashed - pinned <= versions(pins(ROOT / "requirements" / "build.txt")), "make lock"
    assert pinned - hashed == set(), "make lock"


def test_every_extra_has_its_file_and_every_requirement_its_pin():
    assert {path.stem for path in FILES} == {"build", "serve", *EXTRAS}
    serving = {pin.partition("==")[0] for pin in pins(ROOT / "requirements" / "serve.txt")}
    assert names(PROJECT["dependencies"]) <= serving
    for extra, requirements in EXTRAS.items():
        pinned = {pin.partition("==")[0] for pin in pins(ROOT / "requirements" / f"{extra}.txt")}
        assert names(requirements) <= serving | pinned, "make lock"


def test_the_image_has_the_projects_version():
    assert f"ARG VERSION={PROJECT['version']}\n" in (ROOT / "Dockerfile").read_text()
