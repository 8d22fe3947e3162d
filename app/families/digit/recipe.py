"""Digits, trained: data, augmentation and phases of the compact and the classic recipe."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from app.families.contract import Data, DataFile, Network, Phase, Reference, Signature, Split, Tensor
from app.families.digit.augment import augment
from app.families.digit.data import Digits, draw_sample, read_mnist
from app.families.digit.handwriting import write_digits
from app.families.digit.networks import INPUT, OUTPUT, classic, compact
from app.families.digit.non_digits import draw_others
from app.families.digit.optimizers import KnownAccuracy, known_or_unsure
from app.families.digit.spec import MNIST, DigitHyperparameters
from app.families.recipes import fingerprint_arrays, one_cycle

DEFAULTS = {
    "compact": {"epochs": 12, "batch_size": 128, "learning_rate": 0.008},
    "classic": {"epochs": 10, "batch_size": 32, "learning_rate": 0.001},
}
VALIDATION = {"compact": 1 / 12, "classic": 0.2}  # share of the training pictures held out, from the end
WARM_UP = 0.25  # fraction of the steps in which the learning rate rises
FIRST_RATE, LAST_RATE = 0.05, 0.001  # fractions of the peak learning rate
WEIGHT_DECAY = 1e-3
REFERENCE = 10_000  # training pictures whose features say what is familiar, and written digits beside them
WRITTEN_REFERENCE = 1_000
FALSE_ALARMS = 0.02  # share of the validation pictures that may be called unfamiliar
# Beside MNIST the compact network learns from digits written by code and from things that are no digit: one in so many
# of what it has to learn, made once, and as many for each picture of a step.
WRITTEN, OTHERS = 16, 12
WRITTEN_A_STEP, OTHERS_A_STEP = 8, 8
NO_DIGIT = -1  # the target of what is no digit
AHEAD = 4  # batches prepared while one is learned

Pictures: TypeAlias = Any  # a tf.Tensor (n, 28, 28, 1) float32


class DigitRecipe:
    """`compact` and `classic`: one phase each."""

    signature = Signature(Tensor(INPUT, "float32", (-1, 28, 28, 1)), Tensor(OUTPUT, "float32", (-1, 10)))
    preprocessing = "28 x 28, ink bright, 0 to 1: cropped to the ink, fitted to 20 x 20, centred by mass"

    def __init__(self, hyperparameters: DigitHyperparameters) -> None:
        chosen = hyperparameters.model_dump(exclude_none=True)
        self.hyperparameters = DigitHyperparameters(**DEFAULTS[hyperparameters.network] | chosen)

    def data(self, path: Callable[[DataFile], Path]) -> Data:
        """The chosen digits; the end of the training part is held out for validation."""
        chosen = self.hyperparameters
        digits = read_mnist(path(MNIST)) if chosen.dataset == "mnist" else draw_sample()
        held_out = round(len(digits.train) * VALIDATION[chosen.network])
        examples = len(digits.train) - held_out
        return Data(
            name=chosen.dataset,
            labels=tuple("0123456789"),
            examples=examples,
            train=self._batches(digits, examples),
            validation=Split(as_input(digits.train[examples:]), digits.train_labels[examples:]),
            test=Split(as_input(digits.test), digits.test_labels),
            fingerprint=fingerprint_arrays(digits.train, digits.train_labels),
            test_fingerprint=fingerprint_arrays(digits.test, digits.test_labels),
            reference=self._reference(digits, min(examples, REFERENCE)),
        )

    def _reference(self, digits: Digits, few: int) -> Reference:
        """The first few training pictures; written digits are as familiar where they are learned."""
        pictures, labels = digits.train[:few], digits.train_labels[:few]
        if self.hyperparameters.network == "compact":
            written, known = write_digits(min(few, WRITTEN_REFERENCE), self.hyperparameters.seed)
            pictures, labels = np.concatenate([pictures, written]), np.concatenate([labels, known])
        return Reference(as_input(pictures), labels, false_alarms=FALSE_ALARMS)

    def network(self, data: Data) -> Network:  # noqa: ARG002  the contract's; digits need no size from the data
        """A new, uncompiled network."""
        return compact() if self.hyperparameters.network == "compact" else classic()

    def phases(self, data: Data) -> Sequence[Phase]:
        """One fit of everything."""
        chosen = self.hyperparameters
        epochs, batch = chosen.epochs or 1, chosen.batch_size or 1
        return [Phase("train", epochs, batch, partial(self._compile, steps=epochs * -(-data.examples // batch)))]

    def _compile(self, network: Network, steps: int) -> None:
        rate = self.hyperparameters.learning_rate
        compact = self.hyperparameters.network == "compact"
        network.compile(
            optimizer=_adam_w(rate, steps) if compact else keras.optimizers.Adam(rate),
            loss=known_or_unsure if compact else "sparse_categorical_crossentropy",
            metrics=[KnownAccuracy() if compact else "accuracy"],
            jit_compile=False,  # XLA on a CPU runs these convolutions on one core
        )

    def _batches(self, digits: Digits, examples: int) -> Callable[[Phase, int], Any]:
        chosen = self.hyperparameters
        compact = chosen.network == "compact"

        @cache  # made for the first batch: who only calibrates needs none
        def learned() -> tuple[Pictures, Any]:
            pictures, labels = digits.train[:examples], digits.train_labels[:examples]
            if compact:
                pictures, labels = _with_extras(pictures, labels, chosen.seed)
            return tf.constant(pictures), tf.constant(labels)

        def batch(pictures: Pictures, labels: Any, epoch: int, step: Any, chosen_ones: Any) -> tuple[Pictures, Any]:
            inputs = tf.cast(tf.gather(pictures, chosen_ones), tf.float32)[..., tf.newaxis] / 255
            if compact:
                inputs = augment(inputs, tf.stack([chosen.seed, epoch * 100_003 + tf.cast(step, tf.int32)]))
            return inputs, tf.gather(labels, chosen_ones)

        def batches(phase: Phase, epoch: int) -> Any:
            rng = np.random.default_rng([chosen.seed, epoch])
            rows = tf.data.Dataset.from_tensor_slices(rng.permutation(examples)).batch(phase.batch_size)
            if compact:
                extras = _extras(rng, examples, len(rows), phase.batch_size)
                beside = tf.data.Dataset.from_tensor_slices(extras)
                rows = tf.data.Dataset.zip(rows, beside).map(lambda one, other: tf.concat([one, other], 0))
            made = partial(batch, *learned(), epoch)
            ready: Any = rows.enumerate().map(made, num_parallel_calls=2, deterministic=True).prefetch(AHEAD)
            return ready

        return batches


def _with_extras(pictures: Any, labels: Any, seed: int) -> tuple[Any, Any]:
    """Pictures (n, 28, 28) uint8 and labels (n,), followed by written digits and by other things."""
    examples = len(pictures)
    written, known = write_digits(examples // WRITTEN, seed)
    others = draw_others(examples // OTHERS, seed, pictures)
    unknown = np.full(len(others), NO_DIGIT, np.int64)
    return np.concatenate([pictures, written, others]), np.concatenate([labels, known, unknown])


def _extras(rng: np.random.Generator, examples: int, steps: int, batch_size: int) -> Any:
    """Which of the extras each step learns from, (steps, k) rows behind the first `examples`."""
    written, others = examples // WRITTEN, examples // OTHERS
    return np.concatenate(
        [
            examples + rng.integers(written, size=(steps, batch_size // WRITTEN_A_STEP)),
            examples + written + rng.integers(others, size=(steps, batch_size // OTHERS_A_STEP)),
        ],
        axis=1,
    )


def _adam_w(peak: Any, steps: int) -> keras.optimizers.Optimizer:
    """AdamW with a one-cycle learning rate."""
    rate = one_cycle(peak, steps, warm_up=WARM_UP, first=FIRST_RATE, last=LAST_RATE)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer


def as_input(pictures: Any) -> Any:
    """(n, 28, 28) uint8 as the network takes it: (n, 28, 28, 1) float32 in 0..1."""
    return pictures[..., np.newaxis].astype(np.float32) / 255
