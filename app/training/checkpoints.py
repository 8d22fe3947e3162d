"""Checkpoints: all that a training needs to go on where it was, in one file that is replaced at once."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.families.contract import Network
from app.store.files import replace
from app.telemetry import log

NAME = "checkpoint-{}.npz"
KEEP = 2  # the newest, and the one before in case the newest cannot be read


@dataclass
class Position:
    """How far a training has come: `epoch` epochs of phase `phase` are done; `curves` has a row for each."""

    phase: int = 0
    epoch: int = 0
    seconds: float = 0.0
    curves: list[dict[str, Any]] = field(default_factory=list)


class Checkpoints:
    """The checkpoints of one job, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, network: Network, position: Position) -> None:
        """Keep weights, random states, optimizer and position."""
        self._folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {
            str(index): np.asarray(variable) for index, variable in enumerate(_variables(network))
        }
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, position=np.array(json.dumps(asdict(position))), **arrays)
        number = 1 + max(self._numbers(), default=0)
        replace(self._folder / NAME.format(number), content.getvalue())
        for old in self._numbers()[:-KEEP]:
            (self._folder / NAME.format(old)).unlink(missing_ok=True)

    def latest(self) -> tuple[Position, list[Any]] | None:
        """The newest checkpoint that can be read, or None: its position, and the values for `restore`."""
        for number in reversed(self._numbers()):
            try:
                with np.load(self._folder / NAME.format(number), allow_pickle=False) as file:
                    position = Position(**json.loads(str(file["position"])))
                    return position, [file[str(index)] for index in range(len(file.files) - 1)]
            except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as fault:
                log.warning("checkpoint %d cannot be read: %s", number, fault)
        return None

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem.split("-")[1]) for path in self._folder.glob(NAME.format("[0-9]*")))


def restore(network: Network, values: list[Any]) -> None:
    """Put saved values back into a network that was prepared for the phase they were saved in."""
    for variable, value in zip(_variables(network), values, strict=True):
        variable.assign(value)


def _variables(network: Network) -> list[Any]:
    """Weights and random states of the network, then the optimizer's, in a fixed order."""
    network.optimizer.build(network.trainable_variables)
    passing = {id(variable) for variable in network.metrics_variables}
    lasting = [variable for variable in network.variables if id(variable) not in passing]
    return [*lasting, *network.optimizer.variables]
