"""From a trained text generator to the files and figures of a version."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from app.families.contract import Network, Split
from app.families.generation import TextRecipe
from app.jobs.job import Format
from app.training.evaluation_result import EvaluationResult
from app.training.export import check_steps, export
from app.training.training_loop import TrainingResult


def export_and_evaluate(
    staged: Path, recipe: TextRecipe, trained: TrainingResult, formats: Sequence[Format]
) -> EvaluationResult:
    """Export one step, check it on real prompts, measure perplexity beside the yardstick's, and draw."""
    network = recipe.step_model(trained.network)
    export(network, staged, recipe.signature, formats)
    recipe.write(staged)
    differences = check_steps(network, staged, recipe.signature, recipe.prompts(), formats)
    baseline = recipe.baseline()
    # With one split for everything nothing was held out, and the figure says so by its name.
    primary = "test_perplexity" if trained.data.test is not trained.data.validation else "training_perplexity"
    metrics = {
        primary: perplexity(trained.network, trained.data.test),
        f"{baseline.name}_perplexity": baseline.perplexity,
    }
    facts = {**metrics, "tokens": _counted(trained.data.test)}
    (staged / "evaluation.json").write_text(json.dumps(facts, indent=1))
    draw_history(staged / "history.png", trained.position.curves, baseline.perplexity)
    return EvaluationResult(network, metrics, primary, "lower", differences)


def perplexity(network: Network, split: Split) -> float:
    """Of each token that counts, the ends of lines included; windows are read in their order, as they were packed."""
    rows = network.rows
    reading = tf.function(lambda inputs, targets: _nats(network(inputs, training=False), targets))
    total = 0.0
    weights = np.ones(split.targets.shape) if split.weights is None else split.weights
    for begin in range(0, len(split.inputs), rows):
        part = slice(begin, begin + rows)
        nats = reading(tf.constant(split.inputs[part]), tf.constant(split.targets[part]))
        total += float((np.asarray(nats, np.float64) * weights[part]).sum())
    return float(np.exp(total / weights.sum()))


def _nats(logits: Any, targets: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)


def _counted(split: Split) -> int:
    return int(split.targets.size if split.weights is None else split.weights.sum())


def draw_history(path: Path, curves: list[dict[str, Any]], baseline: float) -> None:
    """Perplexity over all epochs, training and validation, with the yardstick as a line."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(curves) + 1)
    axes.plot(epochs, np.exp([row["loss"] for row in curves]), marker=".", label="training")
    axes.plot(epochs, np.exp([row["val_loss"] for row in curves]), marker=".", label="validation")
    axes.axhline(baseline, color="grey", linestyle=":", label="Kneser-Ney trigrams")
    axes.set(xlabel="epoch", ylabel="perplexity of a token", yscale="log", title="Perplexity")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    figure.savefig(path, dpi=100)
