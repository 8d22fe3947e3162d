"""Loading one version: every byte checked, its servable over the runtime's executable, warm, with a batcher."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from app import metrics
from app.errors import Damaged, FitserveError, Runaway, RunFailed, SystemFault
from app.families.contract import Array, Classifier, Family, load
from app.families.generation import Generator
from app.serving.batcher import Batcher, Cost, Statistics
from app.serving.generation import Generation
from app.serving.runtimes.protocol import Runtime
from app.store.model_store import ModelStore
from app.store.version import Card

WARM_UPS = 3
LOADING = 32  # models that are loaded at once; one that hangs does not hold up the others


@dataclass(frozen=True)
class ServingLimits:
    """How much may be predicted together, wait, and be held in memory beside the live version."""

    max_batch: int = 32
    max_queue_size: int = 256
    max_loaded: int = 2


class InstanceBatcher(Protocol):
    """What batches instances (...) of a classifier into outputs: a Batcher, or one whose shadow is asked too."""

    max_batch: int
    statistics: Statistics

    @property
    def waiting(self) -> int: ...

    def check_room(self, number: int = 1) -> None: ...

    def submit(self, instances: Sequence[Array]) -> list[asyncio.Future[Array]]: ...


@dataclass(frozen=True)
class LoadedClassifier:
    """One loaded version that classifies. Requests keep hold of it to their end; a version goes with its last one."""

    card: Card
    servable: Classifier
    batcher: InstanceBatcher


@dataclass(frozen=True)
class LoadedGenerator:
    """One loaded version that continues texts, kept the same way."""

    card: Card
    servable: Generator
    batcher: Generation


LoadedVersion: TypeAlias = LoadedClassifier | LoadedGenerator


class Loader:
    """Makes versions ready to answer: loaded, warm and measured. The versions of a model predict in one thread, but for
    those from elsewhere, which have one each: nobody waits for them.

    `on_runaway` is told, on the event loop, the model and the version of whatever runs for too long.
    """

    def __init__(
        self,
        store: ModelStore,
        families: Mapping[str, Family],
        runtime: Runtime,
        limits: ServingLimits,
        on_runaway: Callable[[str, int, Runaway], None],
    ) -> None:
        self._on_runaway = on_runaway
        self._store = store
        self._families = families
        self._runtime = runtime
        self._max_batch = limits.max_batch
        self._max_queue_size = limits.max_queue_size
        self._loading = ThreadPoolExecutor(LOADING, "load")
        self._predict_executors: dict[str, ThreadPoolExecutor] = {}

    def close(self) -> None:
        """Let the threads go."""
        for threads in (self._loading, *self._predict_executors.values()):
            threads.shutdown(wait=False, cancel_futures=True)

    def forget(self, model: str) -> None:
        """Let the thread of a model go once the last request has ended that holds a version of it."""
        self._predict_executors.pop(model, None)

    def family_of(self, card: Card) -> Family:
        """The family of a version; raises Damaged when it is not installed."""
        if card.family not in self._families:
            raise Damaged(
                f"version {card.version} of {card.model} is of the family {card.family!r}, which is not installed"
            )
        return self._families[card.family]

    async def load(self, model: str, version: int) -> LoadedVersion:
        """One version with a batcher of its own; raises NotFound, Damaged or Runaway."""
        return await self._in_thread(self._load, model, version)

    async def try_out(self, card: Card, folder: Path) -> None:
        """Load what is to be a version and warm it, as if it were to serve; raises Damaged or Runaway."""
        await self._in_thread(self._load_servable, card, folder)

    async def _in_thread(self, do: Callable[..., LoadedVersion], *args: object) -> LoadedVersion:
        """In the threads that are there for it: it may take long, and others need those of all."""
        return await asyncio.get_running_loop().run_in_executor(self._loading, do, *args)

    def _load(self, model: str, version: int) -> LoadedVersion:
        with metrics.load_duration.labels(model).time():
            card = self._store.card(model, version)
            return self._load_servable(card, self._store.verified_path(card))

    def _load_servable(self, card: Card, folder: Path) -> LoadedVersion:
        model, family = card.model, self.family_of(card)
        servable = make_servable(card, folder, self._runtime, family)
        own_executor = ThreadPoolExecutor(1, f"predict-{model}-{card.version}") if card.imported else None
        shared_options: Any = {
            "executor": own_executor
            or self._predict_executors.setdefault(model, ThreadPoolExecutor(1, f"predict-{model}")),
            "off_loop": card.imported,
            "on_runaway": partial(self._on_runaway, model, card.version),
            "max_batch": self._max_batch,
            "max_queue_size": self._max_queue_size,
            "on_latency": metrics.inference_duration.labels(model, card.version).observe,
        }
        with _as_damaged(card):
            if family.task == "generate":
                generation = Generation(servable, cost=Cost(), **shared_options)
                generation.cost = self._warm_up(
                    lambda size: generation.step(np.zeros(size, np.int64), servable.initial_state(size))
                )
                return LoadedGenerator(card, servable, generation)
            example = servable.example()
            cost = self._warm_up(lambda size: servable.predict([example] * size))
            return LoadedClassifier(card, servable, Batcher(servable.predict, cost=cost, **shared_options))

    def _warm_up(self, run: Callable[[int], object]) -> Cost:
        """Run batches of 1, 2, 4 … up to the largest, and draw the line of their cost."""
        size, largest = 1, self._max_batch
        while size < largest:
            run(size)
            size *= 2
        one, many = (_fastest_run(run, size) for size in (1, largest))
        each = max(0.0, many - one) / max(1, largest - 1)
        return Cost(fixed=one - each, each=each)


def make_servable(card: Card, folder: Path, runtime: Runtime, family: Family) -> Any:
    """What serves the version in a folder, once it has answered; raises Damaged or Runaway."""
    with _as_damaged(card):
        servable_type = load(family.servable)
        if family.task == "generate":  # such a version is a network and its vocabulary
            servable = servable_type(card, runtime.load(folder), folder)
            servable.step(np.zeros(1, np.int64), servable.initial_state(1))
        else:
            servable = servable_type(card, runtime.load(folder), folder)
            servable.predict([servable.example()])
        return servable


@contextmanager
def _as_damaged(card: Card) -> Iterator[None]:
    """Whatever a network raises within it means that its version is Damaged."""
    try:
        yield
    except RunFailed as fault:
        raise Damaged(str(fault)) from fault
    except FitserveError:
        raise
    except Exception as fault:
        damaged = Damaged(f"version {card.version} of {card.model} fails when it runs: {fault}")
        raise SystemFault.of(fault) or damaged from fault


def _fastest_run(run: Callable[[int], object], size: int) -> float:
    times = []
    for _ in range(WARM_UPS):
        begun = time.perf_counter()
        run(size)
        times.append(time.perf_counter() - begun)
    return min(times)
