"""The servables: which version of each model is loaded, and how a new one takes over without a pause."""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from app import metrics
from app.errors import Conflict, Damaged, NotFound
from app.families.contract import Family
from app.serving.batcher import Batcher, Cost
from app.serving.generation import Generation
from app.serving.loading import load_version
from app.serving.runtime import Runtime
from app.store.model_store import LIVE, ModelStore
from app.store.version import Card
from app.telemetry import log

WARM_UPS = 3


@dataclass(frozen=True)
class Limits:
    """How much may be predicted together, wait, and be held in memory beside the live version."""

    max_batch: int = 32
    max_waiting: int = 256
    max_loaded: int = 2


@dataclass(frozen=True)
class Loaded:
    """One loaded version. A request keeps hold of it to its end, so a version goes when its last request has gone.

    `batcher` is a Batcher, or the Generation of a family that generates.
    """

    card: Card
    servable: Any
    batcher: Any


@dataclass(frozen=True)
class Split:
    """The loaded versions that share the requests which name none, by weight; without any, the live one answers."""

    weights: Mapping[int, float]
    loaded: tuple[Loaded, ...] = ()

    def draw(self) -> Loaded:
        """One of them, by chance."""
        (drawn,) = random.choices(self.loaded, tuple(self.weights.values()))
        return drawn


UNDIVIDED = Split({})


class Servables:
    """The loaded versions of every model. Loading happens in threads; the exchange is one reference on the loop.

    `models` names the family of each model; `runtime` runs their versions; `faults` are those of each that would not
    load, and why.
    """

    def __init__(self, store: ModelStore, models: Mapping[str, Family], runtime: Runtime, limits: Limits) -> None:
        self._store = store
        self.models = models
        self.runtime = runtime
        self._limits = limits
        self._live: dict[str, Loaded] = {}
        self._splits: dict[str, Split] = dict.fromkeys(models, UNDIVIDED)
        self._others: dict[str, OrderedDict[int, Loaded]] = {model: OrderedDict() for model in models}
        self._locks = {model: asyncio.Lock() for model in models}
        self._threads = {model: ThreadPoolExecutor(1, f"predict-{model}") for model in models}
        self.faults: dict[str, dict[int, str]] = {model: {} for model in models}

    async def open(self) -> None:
        """Load and warm the live version of every model that has one, or the next best if that one is damaged."""
        await asyncio.gather(*(self.refresh(model) for model in self.models))

    def close(self) -> None:
        """Let the threads go."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    def live(self, model: str) -> Loaded:
        """The version that answers now; raises Conflict when there is none."""
        loaded = self._live.get(model)
        if loaded is None:
            raise Conflict(
                f"{model} has no version to answer with yet: train one with POST /train/{self.models[model].name}"
            )
        return loaded

    async def get(self, model: str, reference: str | None) -> Loaded:
        """The version that a number or an alias names, loaded now if need be; without a name the live one, or one of a
        split.
        """
        if reference is None and self._splits[model].loaded:
            return self._splits[model].draw()
        if reference is None or reference == LIVE:
            return self.live(model)
        version = self._store.resolve(model, reference)
        if version == self.serving(model):
            return self.live(model)
        others = self._others[model]
        async with self._locks[model]:
            others[version] = await self._loaded(model, version)
            while len(others) > self._limits.max_loaded:
                others.popitem(last=False)
            return others[version]

    def serving(self, model: str) -> int | None:
        """The number of the version that answers now."""
        loaded = self._live.get(model)
        return loaded.card.version if loaded else None

    def loaded(self, model: str) -> list[int]:
        """The numbers of the versions that are in memory."""
        live = self._live.get(model)
        others = {one.card.version for one in self._splits[model].loaded} | {*self._others[model]}
        return sorted(others | ({live.card.version} if live else set()))

    def waiting(self, model: str) -> int:
        """How many instances, or texts, wait for the version that answers now."""
        live = self._live.get(model)
        return live.batcher.waiting if live else 0

    async def refresh(self, model: str) -> None:
        """Serve what `live` points at and what shares its requests, but for what is known not to load."""
        await self._refresh_live(model)
        await self._refresh_split(model)

    def split(self, model: str) -> Mapping[int, float]:
        """The weights by which versions share a model's requests; empty when the live one answers them all."""
        split = self._splits[model]
        return split.weights if split.loaded else {}

    async def watch(self, seconds: float) -> None:
        """Follow the aliases of the store, whoever moves them, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            for model in self.models:
                try:
                    await self.refresh(model)
                except Exception:
                    log.exception("could not look for a moved alias of %s", model)

    # ---- inside

    async def _refresh_live(self, model: str) -> None:
        if self._settled(model):
            return
        async with self._locks[model]:
            if self._settled(model):  # somebody else was quicker
                return
            for version in self._candidates(model):
                try:
                    loaded = await self._loaded(model, version)
                except (Damaged, NotFound) as fault:
                    self.faults[model][version] = str(fault)
                    log.error("%s %d not loaded: %s", model, version, fault)
                else:
                    self._live[model] = loaded
                    log.info("%s %d serving", model, version)
                    return

    async def _refresh_split(self, model: str) -> None:
        try:
            weights = self._store.split(model)
        except Damaged as fault:
            if self._splits[model].loaded:
                log.error("%s", fault)
            weights = {}
        if weights == self._splits[model].weights:
            return
        async with self._locks[model]:
            split = Split(weights)
            try:
                split = Split(weights, tuple([await self._loaded(model, version) for version in weights]))
            except (Damaged, NotFound) as fault:
                log.error("%s: the live version answers all, as not every version of the split loads: %s", model, fault)
            self._splits[model] = split
            log.info("%s shared: %s", model, dict(weights) if split.loaded else "no")

    def _settled(self, model: str) -> bool:
        wanted = self._store.aliases(model).get(LIVE)
        return wanted in (None, self.serving(model)) or wanted in self.faults[model]

    def _candidates(self, model: str) -> list[int]:
        """What to try: the live version; if nothing is served at all, then every other one, newest first."""
        live = self._store.aliases(model)[LIVE]
        if self.serving(model) is not None:
            return [live]
        return [live, *(card.version for card in reversed(self._store.versions(model)) if card.version != live)]

    async def _loaded(self, model: str, version: int) -> Loaded:
        """One that is loaded already, or loaded now."""
        live = self._live.get(model)
        answering = [*([live] if live else []), *self._splits[model].loaded]
        for loaded in answering:
            if loaded.card.version == version:
                return loaded
        if version in self._others[model]:
            return self._others[model].pop(version)
        return await asyncio.to_thread(self._load, model, version)

    def _load(self, model: str, version: int) -> Loaded:
        """Load, warm up and measure one version."""
        card, servable = load_version(self._store, self.runtime, self.models[model], model, version)
        bounds: Any = {"max_batch": self._limits.max_batch, "max_waiting": self._limits.max_waiting}
        if self.models[model].task == "generate":
            cost = self._warm_up(lambda size: servable.step(np.zeros(size, np.int64), servable.blank(size)))
            return Loaded(card, servable, Generation(servable, self._threads[model], cost=cost, **bounds))
        example = servable.example()
        cost = self._warm_up(lambda size: servable.predict([example] * size))
        heed = metrics.version_seconds.labels(model, version).observe
        return Loaded(card, servable, Batcher(servable.predict, self._threads[model], cost=cost, heed=heed, **bounds))

    def _warm_up(self, run: Callable[[int], object]) -> Cost:
        """Run batches of 1, 2, 4 … up to the largest, and draw the line of their cost."""
        size, largest = 1, self._limits.max_batch
        while size < largest:
            run(size)
            size *= 2
        one, many = (_quickest(run, size) for size in (1, largest))
        each = max(0.0, many - one) / max(1, largest - 1)
        return Cost(fixed=one - each, each=each)


def _quickest(run: Callable[[int], object], size: int) -> float:
    times = []
    for _ in range(WARM_UPS):
        begun = time.perf_counter()
        run(size)
        times.append(time.perf_counter() - begun)
    return min(times)
