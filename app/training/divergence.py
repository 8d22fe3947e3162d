"""Whether a training diverged: its loss grew or was no number, or what came out knows no more than chance does."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.errors import FitserveError
from app.families.contract import Data, Signature, Task
from app.training.evaluation_result import EvaluationResult

ADVICE = "try a lower learning rate"
GROWTH = 0.1  # of an untrained network's loss: by more the loss of a training does not grow by accident
ERRORS = 2.0  # standard errors within which an accuracy is that of chance


class Diverged(FitserveError):
    """Nothing can be published of a training."""


def untrained_loss(task: Task, data: Data, signature: Signature) -> float:
    """The loss, in nats, of a network that knows nothing: of labels no more than their shares, of tokens not even
    that.
    """
    if task == "generate":
        return math.log(signature.output.shape[-1])
    frequencies = np.bincount(data.test.targets) / len(data.test.targets)
    return float(-sum(frequency * math.log(frequency) for frequency in frequencies if frequency))


def divergence_in_curves(curves: Sequence[Mapping[str, Any]], untrained: float) -> str | None:
    """How the loss of a training, epoch by epoch, shows that it diverged; None when it does not."""
    for number, row in enumerate(curves, start=1):
        if not math.isfinite(row["loss"]):
            return f"the loss was {row['loss']} in epoch {number} of {len(curves)}: {ADVICE}"
    if len(curves) < 2:
        return None
    last = curves[-1]
    first = next(row for row in curves if row["phase"] == last["phase"])
    if last["loss"] > first["loss"] + GROWTH * untrained:
        return f"the loss grew from {first['loss']:.4g} to {last['loss']:.4g}: {ADVICE}"
    if last["loss"] >= untrained:
        return f"the loss, {last['loss']:.4g} in the end, is no less than an untrained network's {untrained:.4g}"
    return None


def divergence_in_metrics(result: EvaluationResult, data: Data, untrained: float) -> str | None:
    """How what came out of a training shows that nothing was learned; None when something was."""
    name = result.primary_metric
    figure = result.metrics[name]
    if not math.isfinite(figure):
        return f"{name} is {figure}: {ADVICE}"
    if result.better == "lower":
        chance = math.exp(untrained)
        return f"{name} {figure:.4g} is no less than an untrained network's {chance:.4g}" if figure >= chance else None
    frequency = float(np.bincount(data.test.targets).max() / len(data.test.targets))
    if figure > frequency + ERRORS * math.sqrt(frequency * (1 - frequency) / len(data.test.targets)):
        return None
    return f"{name} {figure:.4f} is no better than chance: always the most frequent label gives {frequency:.4f}"
