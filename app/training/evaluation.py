"""What a trained classifier is worth on the test set: figures for the card, and pictures to look at."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from app.families.classification import at_temperature
from app.families.contract import Array, Data
from app.store.version import EVALUATION, PREDICTIONS, Calibration
from app.training.calibration import cross_entropy, expected_calibration_error
from app.training.drawing import draw_confusion, draw_history, draw_mistakes

MISTAKES = 25  # kept and shown


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
    mistakes = most_confident_mistakes(calibrated, targets, data.labels)
    evaluation = {"examples": len(targets), "labels": labels, "confusion": counts.tolist(), "mistakes": mistakes}
    return metrics, metrics | evaluation


def confusion(targets: Array, predictions: Array, labels: int) -> Array:
    """(labels, labels) int64: row the truth, column the guess."""
    counts = np.zeros((labels, labels), np.int64)
    np.add.at(counts, (targets, predictions), 1)
    return counts


def most_confident_mistakes(probabilities: Array, targets: Array, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    """The wrong guesses made with the greatest confidence, each with its place in the test set."""
    predictions, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predictions != targets)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    return [
        {
            "example": int(index),
            "truth": labels[targets[index]],
            "guess": labels[predictions[index]],
            "confidence": round(float(confidence[index]), 4),
        }
        for index in order
    ]


def write_predictions(folder: Path, probabilities: Array, data: Data) -> None:
    """The truth and the guess for every test example, in as few bytes as the number of labels allows."""
    small = np.min_scalar_type(len(data.labels))
    np.save(folder / PREDICTIONS, np.stack([data.test.targets, probabilities.argmax(axis=1)]).astype(small))


def write_evaluation(folder: Path, evaluation: dict[str, Any], curves: list[dict[str, Any]], pictures: Array) -> None:
    """evaluation.json, and as pictures the confusion, the history and the worst mistakes, into a version's folder.

    `pictures` (n, h, w, 1 or 3) in 0..1 are those of the test set.
    """
    (folder / EVALUATION).write_text(json.dumps(evaluation, indent=1))
    draw_confusion(folder / "confusion.png", np.asarray(evaluation["confusion"]), list(evaluation["labels"]))
    draw_history(folder / "history.png", curves)
    mistakes = evaluation["mistakes"]
    draw_mistakes(folder / "mistakes.png", pictures[[mistake["example"] for mistake in mistakes]], mistakes)
