"""The trainer: runs the phases of a recipe epoch by epoch, checkpoints each, resumes, and reports."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras

from app.families.contract import Data, Network, Phase
from app.training.checkpoints import Best, Checkpoints, Position
from app.training.frozen import FeatureCache, Part
from app.training.small_maps import multiply_densely

REPORT_SECONDS = 0.25


class Report(Protocol):
    """Tells the world how a training goes; may raise to end it."""

    def __call__(self, kind: str, **facts: Any) -> None: ...


@dataclass(frozen=True)
class Trained:
    """What a training leaves: the network, the data it was made with, and how it went."""

    network: Network
    data: Data
    position: Position


def train(
    network: Network,
    data: Data,
    phases: Sequence[Phase],
    checkpoints: Checkpoints,
    features: FeatureCache,
    report: Report,
) -> Position:
    """Train the network through all phases, from the last checkpoint if there is one; returns where it ended.

    A phase trains only what lies behind the boundary of its frozen layers. One that keeps its best epoch ends with
    that epoch's weights, whether it was this attempt that trained it or one before.
    """
    saved = checkpoints.latest()
    position = saved.position if saved else Position()
    if saved:
        saved.restore_network(network)
    multiply_densely(network)
    for index, phase in enumerate(phases):
        begin = position.epoch if index == position.phase else 0
        if index < position.phase or begin == phase.epochs:
            continue
        report("phase", phase=phase.name, epochs=phase.epochs, epoch=begin)
        part = _prepared(network, data, phases[index:], features, report)
        best = Best()
        if saved and index == saved.position.phase:
            saved.restore_optimizer(part.network.optimizer)
            best = saved.best()
            report("log", text=f"resumed after epoch {begin} of {phase.name}")
        for epoch in range(begin, phase.epochs):
            share = _Share(phases, index, epoch)
            row = _epoch(part, phase, epoch, _Progress(report, data, share, position.seconds))
            position = Position(index, epoch + 1, position.seconds + row["seconds"], [*position.curves, row])
            if phase.keep_best:
                best = best.or_better(network, row["val_loss"])
                if epoch + 1 == phase.epochs:
                    best.restore(network)
            checkpoints.save(network, part.network.optimizer, position, best)
            report("epoch", **row, progress=share(1.0), metrics=_figures(row))
    return position


def _prepared(network: Network, data: Data, phases: Sequence[Phase], features: FeatureCache, report: Report) -> Part:
    """What the first of the phases trains, compiled, with only those layers learning that should."""
    phase = phases[0]
    learning = phase.learns(network)
    for layer in network.layers:
        layer.trainable = layer.name in learning
    part = features.part(network, data, phases, report)
    phase.compile(part.network)
    part.network.optimizer.build(part.network.trainable_variables)
    return part


def _epoch(part: Part, phase: Phase, epoch: int, progress: "_Progress") -> dict[str, Any]:
    """One epoch with its validation, as a row of the curves."""
    begun = time.monotonic()
    history = part.network.fit(
        part.train(phase, epoch),
        initial_epoch=epoch,
        epochs=epoch + 1,
        validation_data=(part.validation.inputs, part.validation.targets),
        validation_batch_size=phase.validation_batch,
        callbacks=[progress],
        shuffle=False,  # the data come in the order of the seed and the epoch
        verbose=0,
    ).history
    figures = {name: float(values[-1]) for name, values in history.items()}
    return {"phase": phase.name, "epoch": epoch + 1, **figures, "seconds": time.monotonic() - begun}


def _figures(row: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in ("phase", "epoch", "seconds")}


class _Share:
    """Which part of the whole training an epoch is: called with a share of the epoch, gives a share of it all."""

    def __init__(self, phases: Sequence[Phase], index: int, epoch: int) -> None:
        self._total = sum(phase.epochs for phase in phases)
        self._before = sum(phase.epochs for phase in phases[:index]) + epoch

    def __call__(self, of_epoch: float) -> float:
        return (self._before + of_epoch) / self._total


class _Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports a few times a second from within an epoch, with speed and the time still to go."""

    def __init__(self, report: Report, data: Data, share: _Share, seconds_before: float) -> None:
        super().__init__()
        self._report = report
        self._examples = data.examples
        self._share = share
        self._seconds_before = seconds_before
        self._begun = self._last = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this after every step."""
        now = time.monotonic()
        if now - self._last < REPORT_SECONDS:
            return
        self._last = now
        seconds = now - self._begun
        done = (batch + 1) / max(1, self.params["steps"] or 1)
        progress = self._share(done)
        self._report(
            "progress",
            progress=progress,
            epoch=self.params["epochs"],
            eta_seconds=(self._seconds_before + seconds) * (1 - progress) / progress,
            metrics={name: float(value) for name, value in (logs or {}).items()},
            examples_per_second=done * self._examples / seconds,
        )
