"""Checkpoints: all that a training needs to go on where it was, in one file that is replaced at once.

They lie in a folder that every node finds, so that a job goes on wherever its next attempt runs.
"""

import io
import json
import math
import re
import time
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from app.disk import make_folder
from app.errors import Unavailable
from app.families.contract import Network
from app.logging import log
from app.store.durable_files import replace
from app.store.shared_folder import CHECKPOINT, SharedFolder

NAME = CHECKPOINT + "{}.npz"
BEST = CHECKPOINT + "best-{}.npz"  # with how many epochs were done
NUMBER = re.compile(rf"{CHECKPOINT}(best-)?([0-9]+)\.npz")
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


def rank_of(row: dict[str, Any]) -> tuple[float, float]:
    """What epochs are compared by: accuracy on the validation data, then the loss; one that is no number is worst."""
    loss = row["val_loss"]
    return row.get("val_accuracy", 0.0), -math.inf if math.isnan(loss) else -loss


class Checkpoints:
    """The checkpoints of one job, in its folder: one after each epoch, and in long epochs one every so many seconds.

    A training takes the same steps wherever it runs, so that a checkpoint of one number does for another's.
    """

    def __init__(self, folder: SharedFolder, every_seconds: float = float("inf")) -> None:
        self._folder = folder
        self._every = every_seconds
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the last one is old enough for another within the epoch."""
        return time.monotonic() - self._last > self._every

    def save(self, network: Network, optimizer: Any, position: Position) -> None:
        """Keep weights, random states, optimizer and position; where its epoch is the best so far, also as that."""
        variables = {"network": _saved_variables(network), "optimizer": optimizer.variables}
        done = len(position.curves)
        if position.step == 0 and done and max(position.curves, key=rank_of) is position.curves[-1]:
            self._write(BEST.format(done), {"network": variables["network"]}, position)
        self._write(NAME.format(1 + max(self._here(NAME), default=0)), variables, position)
        self._last = time.monotonic()
        for pattern, kept in ((BEST, 1), (NAME, KEEP)):
            for old in self._here(pattern)[:-kept]:
                self._forget(pattern.format(old))

    def latest(self) -> "Checkpoint | None":
        """The newest checkpoint that can be read, or None; fetched if another node has made it."""
        return self._newest(NAME)

    def best(self) -> "Checkpoint | None":
        """The network after its best epoch so far, without its optimizer; None before the first has ended."""
        return self._newest(BEST)

    def _newest(self, pattern: str) -> "Checkpoint | None":
        found = (self._read(pattern.format(number)) for number in reversed(_numbers(self._folder.names(), pattern)))
        return next((checkpoint for checkpoint in found if checkpoint), None)

    def _write(self, name: str, parts: dict[str, list[Any]], position: Position) -> None:
        make_folder(self._folder.path)
        arrays: dict[str, Any] = {
            f"{part} {index}": np.asarray(variable)
            for part, variables in parts.items()
            for index, variable in enumerate(variables)
        }
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, position=np.array(json.dumps(asdict(position))), **arrays)
        replace(self._folder.path / name, content.getvalue())
        try:
            self._folder.upload(name)
        except Unavailable as fault:
            log.warning("%s stays on this machine alone: %s", name, fault)

    def _read(self, name: str) -> "Checkpoint | None":
        path = self._folder.find(name)
        if path is None:  # removed just now
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
                return Checkpoint(Position(**json.loads(str(arrays.pop("position")))), arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as fault:
            log.warning("%s cannot be read: %s", name, fault)
            return None

    def _forget(self, name: str) -> None:
        try:
            self._folder.remove(name)
        except Unavailable as fault:
            log.warning("%s stays in the store: %s", name, fault)

    def _here(self, pattern: str) -> list[int]:
        return _numbers([path.name for path in self._folder.path.glob("*")], pattern)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read: where the training was, and every variable's value by name."""

    position: Position
    arrays: dict[str, Any]

    def restore_network(self, network: Network) -> None:
        """Put weights and random states back."""
        self._restore("network", _saved_variables(network))

    def restore_optimizer(self, optimizer: Any) -> None:
        """Put the state of an optimizer, built for the phase it was saved in, back."""
        self._restore("optimizer", optimizer.variables)

    def _restore(self, part: str, variables: list[Any]) -> None:
        for index, variable in enumerate(variables):
            variable.assign(self.arrays[f"{part} {index}"])


def _saved_variables(network: Network) -> list[Any]:
    """Weights and random states, without the metrics of the epoch, in a fixed order."""
    passing = {id(variable) for variable in network.metrics_variables}
    return [variable for variable in network.variables if id(variable) not in passing]


def _numbers(names: Iterable[str], pattern: str) -> list[int]:
    """The numbers of those names that follow a pattern, in order."""
    found = (NUMBER.fullmatch(name) for name in names)
    return sorted(int(match[2]) for match in found if match and pattern.format(match[2]) == match[0])
