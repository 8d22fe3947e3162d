"""What a trained classifier is worth on the test set: figures for the card, and pictures to look at."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from app.families.classification import at_temperature
from app.families.contract import Array, Data
from app.store.version import Calibration
from app.training.calibration import cross_entropy, expected_calibration_error


def evaluate(probabilities: Array, data: Data, calibration: Calibration) -> tuple[dict[str, float], dict[str, Any]]:
    """The metrics for the card, and the whole evaluation: confusion counts and figures for each label.

    `probabilities` are those that the network gives for the test data.

    The loss is the network's own; the calibration error (ECE) that of the calibrated probabilities.
    """
    targets = data.test.targets
    counts = confusion(targets, probabilities.argmax(axis=1), len(data.labels))
    calibrated = at_temperature(probabilities, calibration.temperature)
    metrics = {
        "test_accuracy": float(np.trace(counts) / counts.sum()),
        "test_loss": cross_entropy(probabilities, targets),
        "test_calibration_error": expected_calibration_error(calibrated, targets),
    }
    precision = np.diag(counts) / np.maximum(1, counts.sum(axis=0))
    recall = np.diag(counts) / np.maximum(1, counts.sum(axis=1))
    labels = {
        label: {"precision": float(precision[i]), "recall": float(recall[i]), "examples": int(counts[i].sum())}
        for i, label in enumerate(data.labels)
    }
    return metrics, {**metrics, "examples": len(targets), "labels": labels, "confusion": counts.tolist()}


def confusion(targets: Array, guesses: Array, labels: int) -> Array:
    """(labels, labels) int64: row the truth, column the guess."""
    counts = np.zeros((labels, labels), np.int64)
    np.add.at(counts, (targets, guesses), 1)
    return counts


def write_evaluation(folder: Path, evaluation: dict[str, Any], curves: list[dict[str, Any]]) -> None:
    """evaluation.json, confusion.png and history.png into a version's folder."""
    (folder / "evaluation.json").write_text(json.dumps(evaluation, indent=1))
    draw_confusion(folder / "confusion.png", np.asarray(evaluation["confusion"]), list(evaluation["labels"]))
    draw_history(folder / "history.png", curves)


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


def draw_history(path: Path, curves: list[dict[str, Any]]) -> None:
    """Accuracy and loss, training and validation, side by side over all epochs; a line where a phase begins."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, 2)
    epochs = range(1, len(curves) + 1)
    for axes, metric in zip(panels, ("accuracy", "loss"), strict=True):
        axes.plot(epochs, [row[metric] for row in curves], marker=".", label="training")
        axes.plot(epochs, [row[f"val_{metric}"] for row in curves], marker=".", label="validation")
        for number, row in enumerate(curves, start=1):
            if row["epoch"] == 1 and number > 1:
                axes.axvline(number - 0.5, color="grey", linestyle=":")
        axes.set(xlabel="epoch", ylabel=metric, title=metric.capitalize())
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    figure.savefig(path, dpi=100)
