"""What every family that classifies pictures shares: batches through the network, and the answer with its labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.errors import Unusable
from app.families.contract import Classification, Executable
from app.families.imaging import DETAIL
from app.store.version import Card

Floats = NDArray[np.float32]

DECIMALS = 6  # of a probability; what follows is noise of float32


class PictureClassifier:
    """One loaded version; a family adds how a picture becomes an instance of shape `card.input.shape[1:]`."""

    detail = DETAIL

    def __init__(self, card: Card, executable: Executable) -> None:
        self._card = card
        self._calibration = card.calibration
        self._executable = executable

    def example(self) -> Floats:
        """An instance of zeros, float32, to warm up with."""
        return np.zeros(self._card.input.shape[1:], np.float32)

    def predict(self, instances: Sequence[Floats]) -> Floats:
        """Instances of (h, w, c) become probabilities (n, labels) float32, calibrated, rows in the same order."""
        batch = np.stack(instances)
        probabilities = self._executable({self._card.input.name: batch})[self._card.output.name]
        return at_temperature(probabilities, self._calibration.temperature) if self._calibration else probabilities

    def answer(self, output: Floats, top_k: int | None) -> Classification:
        """Probabilities (labels,) as labels, most likely first, at most `top_k` of them; raises Unusable for others."""
        if not np.isfinite(output).all():
            raise Unusable(f"version {self._card.version} of {self._card.model} gave numbers that are not finite")
        order = output.argsort()[::-1][:top_k].tolist()
        shares = output.astype(np.float64).round(DECIMALS).tolist()
        ranked = {self._card.labels[index]: shares[index] for index in order}
        label = self._card.labels[order[0]]
        return Classification(
            model=self._card.model,
            version=self._card.version,
            label=label,
            confidence=ranked[label],
            familiar=self._calibration and ranked[label] >= self._calibration.familiar_from,
            probabilities=ranked,
        )


def at_temperature(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities (n, labels) with their logits divided by `temperature`: above 1 more even, below 1 more decided."""
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / np.float32(temperature)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
