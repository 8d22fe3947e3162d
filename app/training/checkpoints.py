"""Checkpoints: all that a training needs to go on where it was, in one file that is replaced at once."""

import io
import json
import math
import time
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.families.contract import Network
from app.store.files import replace
from app.telemetry import log

NAME = "checkpoint-{}.npz"
BEST = "checkpoint-best.npz"
KEEP = 2  # the newest, and the one before in case the newest cannot be read


@dataclass
class Position:
    """How far a training has come: `epoch` epochs of phase `phase` are done, and `step` batches of the next.

    `curves` has a row for each epoch done.
    """

    phase: int = 0
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    curves: list[dict[str, Any]] = field(default_factory=list)


def merit(row: dict[str, Any]) -> tuple[float, float]:
    """What epochs are compared by: accuracy on the validation data, then the loss; one that is no number is worst."""
    loss = row["val_loss"]
    return row.get("val_accuracy", 0.0), -math.inf if math.isnan(loss) else -loss


class Checkpoints:
    """The checkpoints of one job, in its folder: one after each epoch, and in long epochs one every so many seconds."""

    def __init__(self, folder: Path, every_seconds: float = float("inf")) -> None:
        self._folder = folder
        self._every = every_seconds
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the last one is old enough for another within the epoch."""
        return time.monotonic() - self._last > self._every

    def save(self, network: Network, optimizer: Any, position: Position) -> None:
        """Keep weights, random states, optimizer and position; where its epoch is the best so far, also as that."""
        variables = {"network": _lasting(network), "optimizer": optimizer.variables}
        if position.step == 0 and position.curves and max(position.curves, key=merit) is position.curves[-1]:
            self._write(BEST, {"network": variables["network"]}, position)
        self._write(NAME.format(1 + max(self._numbers(), default=0)), variables, position)
        self._last = time.monotonic()
        for old in self._numbers()[:-KEEP]:
            (self._folder / NAME.format(old)).unlink(missing_ok=True)

    def latest(self) -> "Checkpoint | None":
        """The newest checkpoint that can be read, or None."""
        found = (self._read(NAME.format(number)) for number in reversed(self._numbers()))
        return next((checkpoint for checkpoint in found if checkpoint), None)

    def best(self) -> "Checkpoint | None":
        """The network after its best epoch so far, without its optimizer; None before the first has ended."""
        return self._read(BEST) if (self._folder / BEST).exists() else None

    def _write(self, name: str, parts: dict[str, list[Any]], position: Position) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {
            f"{part} {index}": np.asarray(variable)
            for part, variables in parts.items()
            for index, variable in enumerate(variables)
        }
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, position=np.array(json.dumps(asdict(position))), **arrays)
        replace(self._folder / name, content.getvalue())

    def _read(self, name: str) -> "Checkpoint | None":
        try:
            with np.load(self._folder / name, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
                return Checkpoint(Position(**json.loads(str(arrays.pop("position")))), arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as fault:
            log.warning("%s cannot be read: %s", name, fault)
            return None

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem.split("-")[1]) for path in self._folder.glob(NAME.format("[0-9]*")))


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read: where the training was, and every variable's value by name."""

    position: Position
    arrays: dict[str, Any]

    def restore_network(self, network: Network) -> None:
        """Put weights and random states back."""
        self._restore("network", _lasting(network))

    def restore_optimizer(self, optimizer: Any) -> None:
        """Put the state of an optimizer, built for the phase it was saved in, back."""
        self._restore("optimizer", optimizer.variables)

    def _restore(self, part: str, variables: list[Any]) -> None:
        for index, variable in enumerate(variables):
            variable.assign(self.arrays[f"{part} {index}"])


def _lasting(network: Network) -> list[Any]:
    """Weights and random states, without the metrics of the epoch, in a fixed order."""
    passing = {id(variable) for variable in network.metrics_variables}
    return [variable for variable in network.variables if id(variable) not in passing]
