"""`make architecture`: the picture of the import graph, and both journeys in docs/architecture.md."""

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.architecture import rooms
from tests.architecture.tracing import split, trace

DOCUMENT = rooms.ROOT / "docs/architecture.md"
FIRST = "every request"


def journeys(traced: Mapping[str, dict[str, str]]) -> dict[str, list[str]]:
    """The lists of the document by their names: what both journeys begin with is told once."""
    told = {name: steps[name] for steps in traced.values() for name in steps}
    parts = {path: split(steps) for path, steps in traced.items()}
    begins = {tuple(begin) for begin, _ in parts.values()}
    (begin,) = begins
    lists = {FIRST: list(begin), **{path: rest for path, (_, rest) in parts.items()}}
    return {
        name: [_line(number, step, told[step]) for number, step in enumerate(steps, 1)] for name, steps in lists.items()
    }


def _line(number: int, step: str, text: str) -> str:
    return f"{number}. `{step}`: {text}".removesuffix(": ")


def written(document: str, lists: Mapping[str, list[str]]) -> str:
    """The document with these lists in place of those between its marks."""
    for name, lines in lists.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        assert pattern.search(document), f"{DOCUMENT.name} has no place for {name}"
        text = begin + "\n".join(lines) + "\n" + end
        document = pattern.sub(lambda _, text=text: text, document)
    return document


def named(document: str, name: str) -> list[str]:
    """The steps of one of the document's lists."""
    part = document.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0]
    return re.findall(r"^\d+\. `([^`]+)`", part, re.MULTILINE)


def main() -> None:
    """Write the picture and the document; raises ValueError for an import that leads upwards."""
    floors, imports = rooms.read_floors(), rooms.find_imports()
    rooms.check(floors, imports)
    rooms.draw(floors, imports)
    with TemporaryDirectory() as folder:
        lists = journeys(trace(Path(folder)))
    DOCUMENT.write_text(written(DOCUMENT.read_text(), lists))


if __name__ == "__main__":
    main()
