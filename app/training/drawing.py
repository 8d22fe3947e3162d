"""Pictures of trainings and versions; `python -m app.training.drawing svg|png` draws curves from rows of JSON."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from matplotlib.figure import Figure

from app.confinement import lower_priority
from app.families.contract import Array

NICENESS = 19  # serving comes first
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
    for axes in (panels := figure.subplots(SHEET, SHEET)).flat:
        axes.axis("off")
    for axes, picture, mistake in zip(panels.flat, pictures, mistakes, strict=False):
        axes.imshow(picture.squeeze(), cmap="grey", vmin=0, vmax=1)
        axes.set_title(f"{mistake['truth']}, not {mistake['guess']}", fontsize=8)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    lower_priority(NICENESS)
    draw_history(sys.stdout.buffer, json.load(sys.stdin), sys.argv[1])
