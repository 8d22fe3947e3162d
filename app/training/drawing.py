"""Pictures of trainings and versions; `python -m app.training.drawing curves|trials svg|png` draws JSON."""

import json
import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.figure import Figure

from app.confinement import lower_priority
from app.families.contract import Array

NICENESS = 19  # serving comes first
BEHIND = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1}  # a text that lines pass
SHEET = 5  # pictures in a row of the contact sheet, and rows


def draw_history(target: Path | BinaryIO, curves: list[dict[str, Any]], form: str = "png") -> None:
    """Accuracy and loss, training and validation, side by side over all epochs; a line where a phase begins."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    names = [name for name in ("accuracy", "loss") if name in curves[0]]
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    epochs = range(1, len(curves) + 1)
    for axes, metric in zip(panels, names, strict=True):
        axes.plot(epochs, [row[metric] for row in curves], marker=".", label="training")
        axes.plot(epochs, [row[f"val_{metric}"] for row in curves], marker=".", label="validation")
        for number, (row, before) in enumerate(zip(curves[1:], curves, strict=False), start=1):
            if row["phase"] != before["phase"]:
                axes.axvline(number + 0.5, color="grey", linestyle=":")
        axes.set(xlabel="epoch", ylabel=metric, title=metric.capitalize())
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    figure.savefig(target, format=form, dpi=100)


def draw_trials(target: BinaryIO, trials: dict[str, Any], form: str = "png") -> None:
    """The trials of a sweep as parallel coordinates: an axis for each hyperparameter and one for the metric, a line for
    each trial; the best one is orange, and what was stopped is dashed. `trials` is made by `app.sweeps.picture`.
    """
    axes, lines = trials["axes"], trials["lines"]
    figure = Figure(figsize=(2 + 1.6 * len(axes), 4.5), layout="constrained")
    sheet = figure.subplots()
    for line in lines:
        heights = [_height(axis, value) for axis, value in zip(axes, line["values"], strict=True)]
        colour = "chocolate" if line["best"] else colormaps["Blues"](0.3 + 0.7 * line["goodness"])
        style, width = ("--" if line["stopped"] else "-"), (3 if line["best"] else 1.5)
        sheet.plot(heights, color=colour, linestyle=style, linewidth=width, gid=line["id"])
    for number, axis in enumerate(axes):
        sheet.axvline(number, color="grey", linewidth=1, zorder=0)
        for value, text in axis["ticks"]:
            place = (number, _height(axis, value))
            annotation = sheet.annotate(text, place, (-4, 0), textcoords="offset points", ha="right", va="center")
            annotation.set(fontsize=9, parse_math=False, bbox=BEHIND)
    sheet.set(xlim=(-0.6, len(axes) - 0.8), ylim=(-0.03, 1.03), yticks=[], frame_on=False)
    sheet.set_xticks(range(len(axes)), [axis["name"] for axis in axes], weight="bold", parse_math=False)
    sheet.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    drawn = BytesIO()
    figure.savefig(drawn, format=form, dpi=100)
    target.write(_with_titles(drawn.getvalue(), lines) if form == "svg" else drawn.getvalue())


def _with_titles(svg: bytes, lines: Sequence[dict[str, Any]]) -> bytes:
    """An SVG whose lines have titles, which browsers show under the pointer; matplotlib only gives them ids."""
    for line in lines:
        group = f'<g id="{line["id"]}">'
        svg = svg.replace(group.encode(), f"{group}<title>{escape(line['title'])}</title>".encode())
    return svg


def _height(axis: dict[str, Any], value: Any) -> float:
    """Where on an axis of height 1 a value is."""
    if (choices := axis.get("choices")) is not None:
        return choices.index(value) / (len(choices) - 1) if len(choices) > 1 else 0.5
    scale = np.log if axis["log"] else float
    return float(np.interp(scale(value), [scale(axis["low"]), scale(axis["high"])], [0, 1]))


def draw_confusion(path: Path, counts: Array, labels: list[str]) -> None:
    """The confusion matrix, shaded by the share of each true label."""
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if row == column else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    axes.set(xticks=range(len(labels)), yticks=range(len(labels)), xticklabels=labels, yticklabels=labels)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion on the test set")
    figure.savefig(path, dpi=100)


def draw_mistakes(path: Path, pictures: Array, mistakes: Sequence[dict[str, Any]]) -> None:
    """A contact sheet of pictures (n, h, w, 1 or 3) in 0..1 that were taken for something else, the surest first."""
    figure = Figure(figsize=(8, 8.5), layout="constrained")
    figure.suptitle("Mistakes made with the greatest confidence" if mistakes else "No mistakes on the test set")
    axes = figure.subplots()  # one for all pictures: laying 25 out takes longer than an epoch of a small data set
    axes.axis("off")
    for place, (picture, mistake) in enumerate(zip(pictures[: SHEET * SHEET], mistakes, strict=False)):
        row, column = divmod(place, SHEET)
        frame = (column, column + 0.85, row + 0.85, row)
        axes.imshow(picture.squeeze(), cmap="grey", vmin=0, vmax=1, extent=frame)
        title = f"{mistake['truth']}, not {mistake['guess']}"
        axes.text(column + 0.425, row - 0.02, title, ha="center", va="bottom", fontsize=8)
    axes.set(xlim=(0, SHEET - 0.15), ylim=(SHEET - 0.15, -0.12))
    figure.savefig(path, dpi=100)


DRAWN: dict[str, Callable[[BinaryIO, Any, str], None]] = {"curves": draw_history, "trials": draw_trials}

if __name__ == "__main__":
    lower_priority(NICENESS)
    rcParams["svg.fonttype"] = "none"  # text stays text, in whatever script
    kind, form = sys.argv[1:]
    DRAWN[kind](sys.stdout.buffer, json.load(sys.stdin), form)
