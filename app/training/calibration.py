"""Calibration: a temperature that makes confidence mean what it says, and what tells familiar pictures from others.

Guo et al., "On Calibration of Modern Neural Networks", 2017.
"""

from typing import NamedTuple

import numpy as np

from app.families.classification import at_temperature
from app.families.contract import Array, Data, Network, Split
from app.families.familiarity import Familiarity
from app.store.version import Calibration
from app.training.familiarity_fit import fit_familiarity

BATCH = 500
BINS = 15
SMALLEST = 1e-7  # Keras clips probabilities so before the logarithm
COLDEST, HOTTEST = 0.1, 10.0
STEPS, ROUNDS = 21, 4
RARE = 0.05  # share of the known pictures that may be called unfamiliar, where the data do not say


class Predicted(NamedTuple):
    """What a network gives for a split: probabilities (n, labels) and, if it has such an output, features (n, d)."""

    probabilities: Array
    features: Array | None


def calibrate(validated: Predicted, reference: Predicted | None, data: Data) -> tuple[Calibration, Familiarity | None]:
    """Fit the temperature and the measure of what is familiar to the validation data, for which `validated` was given.

    `reference` was given for `data.reference`; without its features, what is familiar goes by the confidence.
    Where a recipe validates on the test data, all is fitted on them, and the calibration says so.
    """
    targets = data.validation.targets
    temperature = fit_temperature(validated.probabilities, targets)
    confidence = at_temperature(validated.probabilities, temperature).max(axis=1)
    rare = data.reference.false_alarms if data.reference else RARE
    calibration = Calibration(
        temperature=temperature,
        fitted_on="test" if data.validation is data.test else "validation",
        examples=len(targets),
        familiar_from=float(np.quantile(confidence, rare)),
        false_alarms=rare,
    )
    if data.reference is None or reference is None or reference.features is None or validated.features is None:
        return calibration, None
    known = reference.features, data.reference.targets
    familiarity, least = fit_familiarity(
        known, validated.features, confidence, rare, with_confidence=data.reference.with_confidence
    )
    return calibration.model_copy(update={"measure": "features", "familiar_from": least}), familiarity


def predict(network: Network, split: Split) -> Predicted:
    """What the network gives for a split."""
    outputs = network.predict(split.inputs, batch_size=BATCH, verbose=0)
    return Predicted(*map(np.asarray, outputs)) if isinstance(outputs, list) else Predicted(np.asarray(outputs), None)


def fit_temperature(probabilities: Array, targets: Array) -> float:
    """The temperature of the smallest cross-entropy, to three digits; found by narrowing a grid of its logarithm."""
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(ROUNDS):
        grid = np.linspace(low, high, STEPS)
        losses = [cross_entropy(at_temperature(probabilities, float(np.exp(value))), targets) for value in grid]
        best = int(np.argmin(losses))
        low, high = grid[max(0, best - 1)], grid[min(STEPS - 1, best + 1)]
    return round(float(np.exp(grid[best])), 3)


def cross_entropy(probabilities: Array, targets: Array) -> float:
    """Mean negative logarithm of the probability of the truth."""
    right = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.clip(right, SMALLEST, 1.0)).mean())


def expected_calibration_error(probabilities: Array, targets: Array) -> float:
    """The mean gap between confidence and accuracy over 15 equal bins of confidence, weighted by their examples."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps[counts > 0]).sum() / len(targets))
