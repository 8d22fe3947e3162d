"""The trainer: runs the phases of a recipe epoch by epoch, checkpoints each, resumes, and reports."""

import math
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import keras

from app.families.contract import Data, Network, Phase
from app.training.checkpoints import Checkpoints, Position
from app.training.control_requests import Cancelled, StoppedEarly
from app.training.feature_cache import FeatureCache, TrainablePart
from app.training.small_map_convolution import multiply_densely

REPORT_SECONDS = 0.25


class Report(Protocol):
    """Tells the world how a training goes; may raise to end it."""

    def __call__(self, kind: str, **facts: Any) -> None: ...


@dataclass(frozen=True)
class TrainingResult:
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
    that epoch's weights, and so does a training that is stopped early.
    """
    try:
        return _train(network, data, phases, checkpoints, features, report)
    except StoppedEarly:
        best = checkpoints.best()
        if best is None:
            raise Cancelled("the job was stopped before its first epoch had ended") from None
        best.restore_network(network)
        report("log", text=f"stopped early: epoch {best.position.epoch} was the best so far")
        return best.position


def _train(
    network: Network,
    data: Data,
    phases: Sequence[Phase],
    checkpoints: Checkpoints,
    features: FeatureCache,
    report: Report,
) -> Position:
    saved = checkpoints.latest()
    position = saved.position if saved else Position()
    if saved:
        saved.restore_network(network)
    multiply_densely(network)
    for index in range(position.phase, len(phases)):
        phase = phases[index]
        if index > position.phase:
            position = replace(position, phase=index, epoch=0, step=0)
        if position.epoch < phase.epochs and not _loss_is_not_finite(position):
            report("phase", phase=phase.name, epochs=phase.epochs, epoch=position.epoch)
            part = _prepared(network, data, phases[index:], features, report)
            if saved and index == saved.position.phase:
                saved.restore_optimizer(part.network.optimizer)
                _report_resumed(position, phase, report)
        while position.epoch < phase.epochs and not _loss_is_not_finite(position):
            progress_at = _Progress(phases, position)
            save_checkpoint = partial(checkpoints.save, network, part.network.optimizer)
            row = _epoch(
                part,
                phase,
                position,
                _ProgressCallback(report, data, progress_at, position, checkpoints, save_checkpoint),
            )
            seconds = position.seconds + row["seconds"]
            position = Position(index, position.epoch + 1, 0, seconds, [*position.curves, row])
            save_checkpoint(position)
            report("epoch", **row, progress=progress_at(1.0), metrics=_figures(row))
        if (phase.keep_best or _loss_is_not_finite(position)) and (best := checkpoints.best()):
            best.restore_network(network)
        if _loss_is_not_finite(position):
            report("log", text="the loss is no number any more: nothing would be learned from here on")
            return position
    return position


def _loss_is_not_finite(position: Position) -> bool:
    """Whether the last epoch's loss is no number, after which no weight is one either."""
    return bool(position.curves) and not math.isfinite(position.curves[-1]["loss"])


def _prepared(
    network: Network, data: Data, phases: Sequence[Phase], features: FeatureCache, report: Report
) -> TrainablePart:
    """What the first of the phases trains, compiled, with only those layers learning that should."""
    phase = phases[0]
    trainable = phase.trainable_layers(network)
    for layer in network.layers:
        layer.trainable = layer.name in trainable
    part = features.part(network, data, phases, report)
    phase.compile(part.network)
    part.network.optimizer.build(part.network.trainable_variables)
    return part


def _epoch(part: TrainablePart, phase: Phase, position: Position, callback: "_ProgressCallback") -> dict[str, Any]:
    """One epoch, or what is left of it, with its validation, as a row of the curves."""
    begun = time.monotonic()
    batches = part.train(phase, position.epoch)
    history = part.network.fit(
        batches.skip(position.step) if position.step else batches,
        initial_epoch=position.epoch,
        epochs=position.epoch + 1,
        validation_data=(part.validation.inputs, part.validation.targets),
        validation_batch_size=phase.validation_batch,
        callbacks=[callback],
        shuffle=False,  # the data come in the order of the seed and the epoch
        verbose=0,
    ).history
    figures = {name: float(values[-1]) for name, values in history.items()}
    return {"phase": phase.name, "epoch": position.epoch + 1, **figures, "seconds": time.monotonic() - begun}


def _report_resumed(position: Position, phase: Phase, report: Report) -> None:
    """Say where the training goes on, with the last epoch's row, whose own event a kill may have prevented."""
    within = f" and {position.step} batches" if position.step else ""
    text = f"resumed after epoch {position.epoch}{within} of {phase.name}"
    report("resumed", row=position.curves[-1] if position.curves else None, text=text)


def _figures(row: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in ("phase", "epoch", "seconds")}


class _Progress:
    """Which part of the whole training an epoch is: called with a share of the epoch, gives a share of it all."""

    def __init__(self, phases: Sequence[Phase], position: Position) -> None:
        self._total = sum(phase.epochs for phase in phases)
        self._before = sum(phase.epochs for phase in phases[: position.phase]) + position.epoch

    def __call__(self, of_epoch: float) -> float:
        return (self._before + of_epoch) / self._total


class _ProgressCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports a few times a second from within an epoch, and keeps a checkpoint when one is due."""

    def __init__(
        self,
        report: Report,
        data: Data,
        progress_at: _Progress,
        position: Position,
        checkpoints: Checkpoints,
        save_checkpoint: Callable[[Position], None],
    ) -> None:
        super().__init__()
        self._report = report
        self._examples = data.examples
        self._progress_at = progress_at
        self._position = position
        self._checkpoints = checkpoints
        self._save_checkpoint = save_checkpoint
        self._begun = self._last = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this after every step."""
        now = time.monotonic()
        if now - self._last < REPORT_SECONDS:
            return
        self._last = now
        seconds = now - self._begun
        if self._checkpoints.due:
            step = self._position.step + batch + 1
            self._save_checkpoint(replace(self._position, step=step, seconds=self._position.seconds + seconds))
        steps = max(1, self.params["steps"] or 1)
        total = self._position.step + steps
        progress = self._progress_at((self._position.step + batch + 1) / total)
        self._report(
            "progress",
            progress=progress,
            epoch=self._position.epoch + 1,
            eta_seconds=(self._position.seconds + seconds) * (1 - progress) / progress,
            metrics={name: float(value) for name, value in (logs or {}).items()},
            examples_per_second=(batch + 1) / total * self._examples / seconds,
            memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        )
