"""Checkpoints: all that a training needs to go on where it was, in one file that is replaced at once."""

import io
import json
import math
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


@dataclass(frozen=True)
class Best:
    """The weights of the phase's best epoch so far, the one of the lowest validation loss; of none at first."""

    loss: float | None = None
    weights: tuple[Any, ...] = ()

    def or_better(self, network: Network, loss: float) -> "Best":
        """This one, or what the network is now if that is better. A loss that is no number is never better."""
        if loss < (math.inf if self.loss is None else self.loss):
            return Best(loss, tuple(network.get_weights()))
        return self

    def restore(self, network: Network) -> None:
        """Give the network these weights, if there are any."""
        if self.weights:
            network.set_weights(self.weights)


class Checkpoints:
    """The checkpoints of one job, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, network: Network, optimizer: Any, position: Position, best: Best | None = None) -> None:
        """Keep weights, random states, optimizer, position and the best epoch's weights."""
        best = best or Best()
        self._folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {
            f"{part} {index}": np.asarray(variable)
            for part, variables in (
                ("network", _lasting(network)),
                ("optimizer", optimizer.variables),
                ("best", best.weights),
            )
            for index, variable in enumerate(variables)
        }
        content = io.BytesIO()
        arrays["best loss"] = np.array(math.nan if best.loss is None else best.loss)
        np.savez(content, allow_pickle=False, position=np.array(json.dumps(asdict(position))), **arrays)
        number = 1 + max(self._numbers(), default=0)
        replace(self._folder / NAME.format(number), content.getvalue())
        for old in self._numbers()[:-KEEP]:
            (self._folder / NAME.format(old)).unlink(missing_ok=True)

    def latest(self) -> "Checkpoint | None":
        """The newest checkpoint that can be read, or None."""
        for number in reversed(self._numbers()):
            try:
                with np.load(self._folder / NAME.format(number), allow_pickle=False) as file:
                    arrays = {name: file[name] for name in file.files}
                    return Checkpoint(Position(**json.loads(str(arrays.pop("position")))), arrays)
            except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as fault:
                log.warning("checkpoint %d cannot be read: %s", number, fault)
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

    def best(self) -> Best:
        """The best epoch of the phase it was saved in."""
        loss = float(self.arrays.get("best loss", math.nan))
        if math.isnan(loss):
            return Best()
        count = sum(name.startswith("best ") for name in self.arrays) - 1
        return Best(loss, tuple(self.arrays[f"best {index}"] for index in range(count)))

    def _restore(self, part: str, variables: list[Any]) -> None:
        for index, variable in enumerate(variables):
            variable.assign(self.arrays[f"{part} {index}"])


def _lasting(network: Network) -> list[Any]:
    """Weights and random states, without the metrics of the epoch, in a fixed order."""
    passing = {id(variable) for variable in network.metrics_variables}
    return [variable for variable in network.variables if id(variable) not in passing]
