"""The rooms of the service, which are its folders and its single modules, and which imports which."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import grimp
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/pictures/architecture.svg"
WIDTH, HEIGHT = 11.0, 8.5  # inches

Imports = Mapping[str, set[str]]


def read_floors() -> list[list[str]]:
    """The rooms floor by floor, the highest first, as the contract `layers` has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "layers")
    return [[room.strip() for room in floor.split("|")] for floor in layers]


def find_imports() -> Imports:
    """Of each room those that it imports, late imports included."""
    graph = grimp.build_graph("app", cache_dir=None)
    found: dict[str, set[str]] = {name.removeprefix("app."): set() for name in graph.find_children("app")}
    for name in graph.modules - {"app"}:
        room = _room(name)
        found[room] |= {_room(other) for other in graph.find_modules_directly_imported_by(name) if other != "app"}
    return {room: imports - {room} for room, imports in found.items()}


def check(floors: Sequence[Sequence[str]], imports: Imports) -> None:
    """Raise ValueError for an import that does not lead to a lower floor: without any there is no circle either."""
    level = {room: number for number, floor in enumerate(floors) for room in floor}
    for room, others in imports.items():
        for other in others:
            if level[room] >= level[other]:
                raise ValueError(f"{room} imports {other}, which is not on a lower floor")


def lines(imports: Imports) -> list[str]:
    """A line for each room that imports others."""
    return [f"{room}: {', '.join(sorted(others))}" for room, others in sorted(imports.items()) if others]


def draw(floors: Sequence[Sequence[str]], imports: Imports) -> None:
    """Write the picture, with the lines as its description. An import that others imply has no arrow."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.subplots()
    places = {
        room: ((place + 0.5) / len(floor), -float(number))
        for number, floor in enumerate(floors)
        for place, room in enumerate(floor)
    }
    for room, others in sorted(_reduced(imports).items()):
        for other in sorted(others):
            _arrow(axes, places[room], places[other])
    for room, place in places.items():
        box = {"boxstyle": "round,pad=0.4", "facecolor": "#eaf1fb", "edgecolor": "#33557f"}
        axes.text(*place, room, ha="center", va="center", bbox=box, zorder=4)
    axes.set(xlim=(0, 1), ylim=(-len(floors) + 0.4, 0.5))
    axes.axis("off")
    with rc_context({"svg.hashsalt": "rooms", "svg.fonttype": "none"}):
        figure.savefig(PICTURE, metadata={"Date": None, "Description": "\n".join(lines(imports))})


def _arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "",
        (end[0], end[1] + 0.22),
        (begin[0], begin[1] - 0.22),
        arrowprops={"arrowstyle": "-|>", "color": "#7a8ca5", "linewidth": 0.8},
    )


def _reduced(imports: Imports) -> Imports:
    """The imports without those that others lead to as well; the same rooms are reached."""
    below: dict[str, set[str]] = {}

    def reached(room: str) -> set[str]:
        if room not in below:
            below[room] = imports[room].union(*(reached(other) for other in imports[room]))
        return below[room]

    return {
        room: {one for one in ones if not any(one in reached(other) for other in ones)}
        for room, ones in imports.items()
    }


def _room(module: str) -> str:
    return module.split(".")[1]
