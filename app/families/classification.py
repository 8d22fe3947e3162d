"""What every family that classifies pictures shares: batches through the network, and the answer with its labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import Unusable
from app.families.contract import Classification, Executable
from app.families.familiarity import Familiarity, read_familiarity
from app.families.imaging import MIN_DECODE_SIZE
from app.store.version import FAMILIARITY, Card

Floats = NDArray[np.float32]

DECIMALS = 6  # of a probability; what follows is noise of float32


class Scores(np.ndarray):
    """The probabilities (labels,) float32 of one instance; `familiar` as in Classification."""

    familiar: bool | None = None


class PictureClassifier:
    """One loaded version; a family adds how a picture becomes an instance of shape `card.input.shape[1:]`."""

    min_decode_size = MIN_DECODE_SIZE

    def __init__(self, card: Card, executable: Executable, folder: Path | None = None) -> None:
        """`folder` is the version's, needed where the card's calibration is by features."""
        self._card = card
        self._calibration = card.calibration
        self._executable = executable
        self._familiarity: Familiarity | None = None
        if folder and card.calibration and card.calibration.measure == "features":
            self._familiarity = read_familiarity(folder / FAMILIARITY)

    def example(self) -> Floats:
        """An instance of zeros, float32, to warm up with."""
        return np.zeros(self._card.input.shape[1:], np.float32)

    def predict(self, instances: Sequence[Floats]) -> list[Scores]:
        """Instances of (h, w, c) become calibrated probabilities, each with whether it is familiar, in their order."""
        outputs = self._executable({self._card.input.name: np.stack(instances)})
        probabilities = outputs[self._card.output.name]
        if self._calibration is None:
            return list(probabilities.view(Scores))
        probabilities = at_temperature(probabilities, self._calibration.temperature)
        evidence = probabilities.max(axis=1)
        if self._familiarity and self._card.features:
            evidence = self._familiarity.evidence(outputs[self._card.features.name], evidence)
        scores = list(probabilities.view(Scores))
        for one, familiar in zip(scores, (evidence >= self._calibration.familiar_from).tolist(), strict=True):
            one.familiar = familiar
        return scores

    def answer(self, output: Floats, top_k: int | None) -> Classification:
        """Probabilities (labels,), or Scores, as labels, most likely first, at most `top_k` of them.

        Raises Unusable for numbers that are no probabilities.
        """
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
            familiar=output.familiar if isinstance(output, Scores) else None,
            probabilities=ranked,
        )


def at_temperature(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities (n, labels) with their logits divided by `temperature`: above 1 more even, below 1 more decided."""
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / np.float32(temperature)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
