"""Checkpoints are found by the next attempt, on whatever node it runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import Unavailable
from app.store.shared_folder import SharedFolder
from app.training.checkpoints import Checkpoints, Position
from tests.bucket_server import BucketServer
from tests.store_fixtures import BucketStore, StoreFixture


@dataclass
class Number:
    """A variable."""

    value: float

    def assign(self, value: Any) -> None:
        self.value = float(value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.value, dtype, copy=copy)


@dataclass
class Net:
    """A network or an optimizer of one variable."""

    variables: list[Number]
    metrics_variables: list[Number] = field(default_factory=list)


def net(value: float) -> Net:
    return Net([Number(value)])


def position(*losses: float) -> Position:
    """After so many epochs."""
    rows = [{"phase": "fit", "epoch": number, "val_loss": loss} for number, loss in enumerate(losses, 1)]
    return Position(epoch=len(losses), curves=rows)


def saved(folder: SharedFolder, *losses: float) -> None:
    """Train so many epochs; the weight is the number of the epoch."""
    checkpoints = Checkpoints(folder)
    for epoch in range(1, len(losses) + 1):
        checkpoints.save(net(epoch), net(10 * epoch), position(*losses[:epoch]))


@pytest.fixture
def nodes(store_fixture: StoreFixture, tmp_path: Path) -> list[SharedFolder]:
    """A job's folder as two machines have it; a store in a folder is one and the same on both."""
    stores = [store_fixture.store(), store_fixture.store()]
    if isinstance(store_fixture, BucketStore):
        stores = [store_fixture.on(tmp_path / name) for name in ("one", "other")]
    return [store.jobs.of("job") for store in stores]


def restored(folder: SharedFolder) -> tuple[float, float, float]:
    """The weight and the optimizer's variable at the newest checkpoint, and the weight after the best epoch."""
    latest, best = Checkpoints(folder).latest(), Checkpoints(folder).best()
    assert latest
    assert best
    network, optimizer, finest = net(0), net(0), net(0)
    latest.restore_network(network)
    latest.restore_optimizer(optimizer)
    best.restore_network(finest)
    assert len(latest.position.curves) == network.variables[0].value
    return network.variables[0].value, optimizer.variables[0].value, finest.variables[0].value


def test_nothing_is_found_before_anything_was_kept(nodes: list[SharedFolder]):
    assert Checkpoints(nodes[1]).latest() is None
    assert Checkpoints(nodes[1]).best() is None


def test_another_node_goes_on_from_the_newest_and_knows_the_best(nodes: list[SharedFolder]):
    one, other = nodes
    saved(one, 3, 1, 2, 4)
    assert restored(other) == (4, 40, 2)
    checkpoints = Checkpoints(other)
    checkpoints.latest()
    checkpoints.save(net(5), net(50), position(3, 1, 2, 4, 0.5))
    assert restored(one) == (5, 50, 5)


def test_only_the_newest_two_and_the_best_are_kept(nodes: list[SharedFolder]):
    one, other = nodes
    saved(one, 3, 1, 2, 4)
    assert other.names() == ["checkpoint-3.npz", "checkpoint-4.npz", "checkpoint-best-2.npz"]


def test_one_that_cannot_be_read_is_passed_over(nodes: list[SharedFolder]):
    one, other = nodes
    saved(one, 3, 2)
    (one.path / "checkpoint-2.npz").write_bytes(b"cut off")
    one.upload("checkpoint-2.npz")
    latest = Checkpoints(other).latest()
    assert latest
    assert latest.position.epoch == 1


def test_an_outage_costs_nobody_his_training(bucket_server: BucketServer, tmp_path: Path):
    store_fixture = BucketStore(bucket_server, tmp_path)
    one, other = (store_fixture.on(tmp_path / name).jobs.of("job") for name in ("one", "other"))
    saved(one, 3, 2)
    with store_fixture.server.failing():
        checkpoints = Checkpoints(one)
        checkpoints.save(net(3), net(30), position(3, 2, 1))
        with pytest.raises(Unavailable):
            checkpoints.latest()
    assert restored(other) == (2, 20, 2), "what was shared before"
    assert restored(one) == (3, 30, 3), "what is still here"
