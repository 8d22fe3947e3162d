"""Pin every dependency in constraints.txt, and write the pins with their hashes into requirements/, a file an extra.

    python scripts/lock.py [--upgrade]

What is pinned keeps its version unless --upgrade. `requirements/serve.txt` is what the service needs; every other file
is what its extra adds to that. No address is written: hashes say what a file is, wherever it comes from. Needs uv.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints.txt"
COMPILE = ["uv", "pip", "compile", "--quiet", "--universal", "--no-header", "--no-annotate", "--python-version", "3.11"]
ENTRY = re.compile(r"^([\w.-]+)==.*(?:\n    .*)*\n", re.MULTILINE)


def compiled(*options: str | Path, into: Path) -> str:
    """What uv makes of pyproject.toml."""
    subprocess.run([*COMPILE, *options, "pyproject.toml", "--output-file", into], cwd=ROOT, check=True)
    return into.read_text()


def hashed(folder: Path, *options: str) -> dict[tuple[str, str], str]:
    """The pins that these options ask for, with their hashes, by name and first line."""
    text = compiled("--generate-hashes", "--constraint", PINS, *options, into=folder / "pins.txt")
    (folder / "pins.txt").unlink()
    return {(entry[1], entry[0].partition(" \\")[0]): entry[0] for entry in ENTRY.finditer(text)}


def main() -> None:
    """Write all files."""
    compiled("--all-extras", *sys.argv[1:], into=PINS)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    target = ROOT / "requirements"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        serving = hashed(folder)
        sets = {"serve": serving}
        for extra in project["project"]["optional-dependencies"]:
            asked = hashed(folder, "--extra", extra)
            sets[extra] = {key: entry for key, entry in asked.items() if key not in serving}
        build = folder / "build.in"
        build.write_text("\n".join(project["build-system"]["requires"]))
        made = [*COMPILE, "--generate-hashes", "--constraint", PINS, build, "--output-file", target / "build.txt"]
        subprocess.run(made, check=True)
    for extra, entries in sets.items():
        (target / f"{extra}.txt").write_text("".join(entries.values()))


if __name__ == "__main__":
    main()
