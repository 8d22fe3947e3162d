"""Draws the curves of a training: `python -m app.training.plot svg|png` reads rows as JSON and writes the picture."""

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

from matplotlib.figure import Figure


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


if __name__ == "__main__":
    draw_history(sys.stdout.buffer, json.load(sys.stdin), sys.argv[1])
