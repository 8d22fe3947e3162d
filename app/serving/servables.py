"""The servables: which version of each model is loaded, and how a new one takes over without a pause."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from app.errors import Conflict, Damaged, NotFound
from app.families.contract import Family
from app.serving.loading import Limits, Loaded, Loader
from app.serving.runtime import Runtime
from app.serving.traffic import UNDIVIDED, Plan, Shadow, Traffic, check_comparable
from app.store.model_store import LIVE, SHADOW, ModelStore
from app.telemetry import log


class Servables:
    """The loaded versions of every model. Loading happens in threads; the exchange is one reference on the loop.

    `models` names the family of each model; `runtime` runs their versions; `faults` are those of each that would not
    load, and why.
    """

    def __init__(self, store: ModelStore, models: Mapping[str, Family], runtime: Runtime, limits: Limits) -> None:
        self._store = store
        self.models = models
        self.runtime = runtime
        self._loader = Loader(store, models, runtime, limits)
        self._max_loaded = limits.max_loaded
        self._live: dict[str, Loaded] = {}
        self._traffic: dict[str, Traffic] = dict.fromkeys(models, UNDIVIDED)
        self._others: dict[str, OrderedDict[int, Loaded]] = {model: OrderedDict() for model in models}
        self._locks = {model: asyncio.Lock() for model in models}
        self.faults: dict[str, dict[int, str]] = {model: {} for model in models}

    async def open(self) -> None:
        """Load and warm the live version of every model that has one, or the next best if that one is damaged."""
        await asyncio.gather(*(self.refresh(model) for model in self.models))

    def close(self) -> None:
        """Let the threads go."""
        self._loader.close()

    def live(self, model: str) -> Loaded:
        """The version that answers now; raises Conflict when there is none."""
        loaded = self._live.get(model)
        if loaded is None:
            raise Conflict(
                f"{model} has no version to answer with yet: train one with POST /train/{self.models[model].name}"
            )
        return loaded

    async def get(self, model: str, reference: str | None) -> Loaded:
        """The version that a number or an alias names, loaded now if need be; without a name one of those that share
        the traffic, or the live one.
        """
        if reference is None and self._traffic[model].answering:
            return self._traffic[model].draw()
        if reference is None or reference == LIVE:
            return self.live(model)
        version = self._store.resolve(model, reference)
        if version == self.serving(model):
            return self.live(model)
        others = self._others[model]
        async with self._locks[model]:
            others[version] = await self._loaded(model, version)
            while len(others) > self._max_loaded:
                others.popitem(last=False)
            return others[version]

    def serving(self, model: str) -> int | None:
        """The number of the version that answers now."""
        loaded = self._live.get(model)
        return loaded.card.version if loaded else None

    def loaded(self, model: str) -> list[int]:
        """The numbers of the versions that are in memory."""
        serving = self.serving(model)
        others = {*self._traffic[model].held, *self._others[model]}
        return sorted(others if serving is None else {serving, *others})

    def waiting(self, model: str) -> int:
        """How many instances, or texts, wait for the version that answers now."""
        live = self._live.get(model)
        return live.batcher.waiting if live else 0

    async def refresh(self, model: str) -> None:
        """Serve what `live` points at, share and shadow as the store says, but for what is known not to load."""
        await self._refresh_live(model)
        await self._refresh_traffic(model)

    def traffic(self, model: str) -> Traffic:
        """Who answers the requests that name no version."""
        return self._traffic[model]

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
                    self._live[model], self._traffic[model] = loaded, UNDIVIDED
                    log.info("%s %d serving", model, version)
                    return

    async def _refresh_traffic(self, model: str) -> None:
        plan = self._plan(model)
        if model not in self._live or plan == self._traffic[model].plan:
            return
        async with self._locks[model]:
            self._traffic[model] = traffic = await self._carried_out(model, plan)
            shadow = traffic.shadow and traffic.shadow.loaded.card.version
            log.info("%s shared: %s, in the shadow: %s", model, dict(traffic.shares) or "no", shadow or "none")

    def _plan(self, model: str) -> Plan:
        """What the store wants of a model's traffic; nothing where it cannot be understood."""
        try:
            return Plan(self._store.split(model), self._store.aliases(model).get(SHADOW))
        except Damaged as fault:
            if self._traffic[model].plan != UNDIVIDED.plan:
                log.error("%s", fault)
            return UNDIVIDED.plan

    async def _carried_out(self, model: str, plan: Plan) -> Traffic:
        """A plan with its versions loaded; the live version answers alone for what cannot be done."""
        sharing = await self._sharing(model, plan.weights)
        shadow = await self._shadow(model, plan.shadow, sharing.values())
        if shadow is None:
            return Traffic(plan, tuple(sharing.values()), None, sharing)
        answering = tuple(shadow.behind(one) for one in sharing.values())
        return Traffic(plan, answering, shadow, {**sharing, shadow.loaded.card.version: shadow.loaded})

    async def _sharing(self, model: str, weights: Mapping[int, float]) -> dict[int, Loaded]:
        try:
            if weights:
                return {version: await self._loaded(model, version) for version in weights}
        except (Damaged, NotFound) as fault:
            log.error("%s: the live version answers all, as not every version of the split loads: %s", model, fault)
        live = self._live[model]
        return {live.card.version: live}

    async def _shadow(self, model: str, version: int | None, sharing: Iterable[Loaded]) -> Shadow | None:
        if version is None:
            return None
        try:
            loaded = await self._loaded(model, version)
            for one in sharing:
                check_comparable(one.card, loaded.card)
        except (Damaged, NotFound, Conflict) as fault:
            log.error("%s: no shadow: %s", model, fault)
            return None
        return Shadow(loaded)

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
        if version == self.serving(model):
            return self._live[model]
        if version in self._traffic[model].held:
            return self._traffic[model].held[version]
        if version in self._others[model]:
            return self._others[model].pop(version)
        return await asyncio.to_thread(self._loader.load, model, version)
