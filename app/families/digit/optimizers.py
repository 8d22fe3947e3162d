"""How the compact network is fitted where some of its pictures are no digit: loss and accuracy."""

from typing import Any

import keras
import numpy as np
from keras import ops

SMALLEST = 1e-7  # Keras clips probabilities so before the logarithm
UNSURE_WEIGHT = 0.5  # of a picture of no digit beside one of a digit


def known_or_unsure(targets: Any, probabilities: Any) -> Any:
    """Cross-entropy (n,) of targets (n,) int; of one below 0, how far the probabilities are from all being equal."""
    targets = ops.reshape(ops.cast(targets, "int32"), (-1,))
    logs = ops.log(ops.clip(probabilities, SMALLEST, 1.0))
    labels = probabilities.shape[-1]
    right = ops.sum(ops.one_hot(targets, labels) * logs, axis=-1)
    evenly = ops.mean(logs, axis=-1) + np.log(labels)
    return -ops.where(targets >= 0, right, UNSURE_WEIGHT * evenly)


class KnownAccuracy(keras.metrics.Mean):  # type: ignore[misc]
    """The share of pictures of digits that are read right; what is no digit does not count."""

    def __init__(self, name: str = "accuracy", **options: Any) -> None:
        super().__init__(name=name, **options)

    def update_state(self, targets: Any, probabilities: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
        """Keras calls this after every batch."""
        targets = ops.reshape(ops.cast(targets, "int32"), (-1,))
        guesses = ops.cast(ops.argmax(probabilities, axis=-1), "int32")
        super().update_state(ops.equal(guesses, targets), sample_weight=targets >= 0)
