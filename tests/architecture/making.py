"""`make architecture`: the picture of the import graph, and both journeys in docs/architecture.md."""

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.architecture import rooms
from tests.architecture.tracing import split, trace

DOCUMENT = rooms.ROOT / "docs/architecture.md"
FIRST = "every request"


def steps_of(traced: Mapping[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The lists of the document by their names: what both requests pass first is listed once."""
    lists: dict[str, dict[str, str]] = {}
    for path, steps in traced.items():
        first, rest = split(steps)
        lists.setdefault(FIRST, first)
        assert [*lists[FIRST]] == [*first], "requests differ before they have a route"
        lists[path] = rest
    return lists


def _lines(steps: Mapping[str, str]) -> list[str]:
    return [f"{number}. `{step}`: {text}".removesuffix(": ") for number, (step, text) in enumerate(steps.items(), 1)]


def written(document: str, lists: Mapping[str, Mapping[str, str]]) -> str:
    """The document with these lists in place of those between its marks."""
    for name, steps in lists.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = document.partition(begin)
        _, closed, after = rest.partition(end)
        assert found, f"{DOCUMENT.name} has no place for {name}"
        assert closed, f"{DOCUMENT.name} does not end {name}"
        document = before + begin + "\n".join(_lines(steps)) + "\n" + end + after
    return document


def resolve_reference(document: str, name: str) -> list[str]:
    """The steps of one of the document's lists."""
    part = document.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0]
    return re.findall(r"^\d+\. `([^`]+)`", part, re.MULTILINE)


def main() -> None:
    """Write the picture and the document; raises ValueError for an import that leads upwards."""
    floors, imports = rooms.read_floors(), rooms.find_imports()
    rooms.check(floors, imports)
    rooms.draw(floors, imports)
    with TemporaryDirectory() as folder:
        lists = steps_of(trace(Path(folder)))
    DOCUMENT.write_text(written(DOCUMENT.read_text(), lists))


if __name__ == "__main__":
    main()
