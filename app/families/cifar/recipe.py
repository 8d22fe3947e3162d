"""Photographs, trained: data, networks and phases of the best and the classic recipe."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from app.families.cifar.augment import augment
from app.families.cifar.data import Pictures, draw_sample, read_cifar10
from app.families.cifar.files import CIFAR10, IMAGENET
from app.families.cifar.networks import INPUT, OUTPUT, SHAPE, all_but_whitening, compact, head_and, transfer
from app.families.cifar.optimizers import adam, adam_cycle, momentum_cycle
from app.families.cifar.precision import fastest_precision
from app.families.cifar.spec import CifarHyperparameters, filled_in
from app.families.contract import (
    Array,
    Data,
    DataFile,
    Network,
    Phase,
    Reference,
    Signature,
    Split,
    StaticDataset,
    Tensor,
)
from app.families.recipes import fingerprint_arrays

HELD_OUT = 0.05  # share of the training pictures held out for validation, from the end
WHITENED = 5000  # pictures whose patches compact's first layer is made from
REFERENCE = 10_000  # training pictures whose features say what is familiar
FALSE_ALARMS = 0.04  # share of the validation pictures that may be called unfamiliar
AHEAD = 4  # batches prepared while one is learned


class CifarRecipe:
    """`best` and `classic`, over three backbones."""

    preprocessing = "32 x 32 RGB, 0 to 1: the picture's centre or the whole, reduced by area"
    signature = Signature(Tensor(INPUT, "float32", (-1, *SHAPE)), Tensor(OUTPUT, "float32", (-1, 10)))

    def __init__(self, hyperparameters: CifarHyperparameters) -> None:
        chosen = filled_in(hyperparameters)
        self.hyperparameters = chosen.model_copy(update={"precision": chosen.precision or fastest_precision()})
        self._weights: Path | None = None

    def data(self, path: Callable[[DataFile], Path]) -> Data:
        """The chosen pictures; classic validates on the test set, best on the end of the training set."""
        chosen = self.hyperparameters
        if chosen.weights == "imagenet":
            self._weights = path(IMAGENET[str(chosen.backbone)])
        pictures = read_cifar10(path(CIFAR10)) if chosen.dataset == "cifar10" else draw_sample()
        test = Split(as_input(pictures.test), pictures.test_labels)
        held_out = 0 if chosen.recipe == "classic" else round(len(pictures.train) * HELD_OUT)
        examples = len(pictures.train) - held_out
        own = Split(as_input(pictures.train[examples:]), pictures.train_labels[examples:])
        few = min(examples, REFERENCE)
        known = fingerprint_arrays(pictures.train, pictures.train_labels)
        return Data(
            name=chosen.dataset,
            labels=pictures.names,
            examples=examples,
            train=self._augmented(pictures, examples),
            validation=own if held_out else test,
            test=test,
            fingerprint=known,
            test_fingerprint=fingerprint_arrays(pictures.test, pictures.test_labels),
            static_dataset=self._static_dataset(pictures, examples, known),
            reference=Reference(
                as_input(pictures.train[:few]),
                pictures.train_labels[:few],
                false_alarms=FALSE_ALARMS,
                with_confidence=False,
            ),
        )

    def network(self, data: Data) -> Network:
        """A new, uncompiled network."""
        chosen = self.hyperparameters
        dtype = "mixed_bfloat16" if chosen.precision == "bfloat16" else "float32"
        if chosen.backbone == "compact":
            few = np.arange(min(WHITENED, data.examples))
            return compact(data.static_dataset.inputs(few), len(data.labels), dtype)  # type: ignore[union-attr]
        return transfer(str(chosen.backbone), self._weights, str(chosen.preprocessing), len(data.labels), dtype)

    def phases(self, data: Data) -> Sequence[Phase]:
        """One fit of everything for compact, `head` and `fine_tune` for the others."""
        chosen = self.hyperparameters
        if chosen.backbone == "compact":
            epochs, batch = chosen.epochs or 0, chosen.batch_size or 1
            compiling = partial(momentum_cycle, highest=chosen.learning_rate or 0.0, steps=_steps(data, epochs, batch))
            return [
                Phase(
                    "train", epochs, batch, compiling, all_but_whitening, uses_static_dataset=chosen.augment != "full"
                )
            ]
        return [
            self._phase("head", data, partial(head_and, 0), uses_static_dataset=True),
            self._phase(
                "fine_tune", data, partial(head_and, chosen.unfreeze or 0), uses_static_dataset=chosen.augment != "full"
            ),
        ]

    def _phase(
        self, name: str, data: Data, trainable_layers: Callable[[Network], frozenset[str]], *, uses_static_dataset: bool
    ) -> Phase:
        chosen = self.hyperparameters
        epochs, batch, rate = (getattr(chosen, f"{name}_{knob}") for knob in ("epochs", "batch_size", "learning_rate"))
        if chosen.recipe == "classic":
            compiling = partial(adam, rate=rate)
        else:
            compiling = partial(adam_cycle, highest=rate, steps=_steps(data, epochs, batch))
        return Phase(name, epochs, batch, compiling, trainable_layers, uses_static_dataset)

    def _static_dataset(self, pictures: Pictures, examples: int, known: str) -> StaticDataset:
        """The training pictures as they are, followed, unless nothing augments them, by their mirror images."""
        copies = 1 if self.hyperparameters.augment == "none" else 2
        flipped = self._flipped(examples)

        def inputs(rows: Array) -> Array:
            chosen: Array = as_input(pictures.train[rows % examples])
            mirrored = rows >= examples
            chosen[mirrored] = chosen[mirrored, :, ::-1]
            return chosen

        def order(_: Phase, epoch: int) -> Array:
            rows = self._order(epoch, examples)
            return rows if copies == 1 else rows + examples * flipped(epoch)[rows]

        targets = np.tile(pictures.train_labels[:examples], copies)
        return StaticDataset(inputs, targets, order, f"{known} {examples} x {copies}")

    def _augmented(self, pictures: Pictures, examples: int) -> Callable[[Phase, int], Any]:
        everyone = tf.constant(pictures.train[:examples])
        labels = tf.constant(pictures.train_labels[:examples])
        flipped = self._flipped(examples)

        def batches(phase: Phase, epoch: int) -> Any:
            mirrored = tf.constant(flipped(epoch))

            def batch(step: Any, rows: Any) -> tuple[Any, Any]:
                inputs = tf.cast(tf.gather(everyone, rows), tf.float32) / 255
                seed = tf.stack([self.hyperparameters.seed, epoch * 100_003 + tf.cast(step, tf.int32)])
                return augment(inputs, tf.gather(mirrored, rows), seed), tf.gather(labels, rows)

            steps = tf.data.Dataset.from_tensor_slices(self._order(epoch, examples)).batch(phase.batch_size)
            ready: Any = steps.enumerate().map(batch, num_parallel_calls=2, deterministic=True).prefetch(AHEAD)
            return ready

        return batches

    def _order(self, epoch: int, examples: int) -> Array:
        return np.random.default_rng([self.hyperparameters.seed, epoch]).permutation(examples)

    def _flipped(self, examples: int) -> Callable[[int], Array]:
        """Which pictures are mirrored in an epoch: half of them, and in the next epoch the other half."""
        first = np.random.default_rng([self.hyperparameters.seed, 0, 1]).random(examples) < 0.5
        return lambda epoch: first ^ bool(epoch % 2)


def _steps(data: Data, epochs: int, batch: int) -> int:
    return epochs * -(-data.examples // batch)


def as_input(pictures: Any) -> Any:
    """(n, 32, 32, 3) uint8 as the network takes it: float32 in 0..1."""
    return pictures.astype(np.float32) / 255
