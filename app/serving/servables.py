"""The servables: which version of each model is loaded, and how a new one takes over without a pause."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import Conflict, Damaged, NotFound, Runaway, SystemFault, Unavailable
from app.families.contract import Family
from app.logging import log
from app.serving.loading import Limits, Loaded, LoadedClassifier, Loader
from app.serving.runtimes.protocol import Runtime
from app.serving.traffic import UNDIVIDED, Plan, Shadow, Traffic, check_comparable
from app.serving.withdrawals import Withdrawals
from app.store.backend import MOST_DIGITS
from app.store.model_store import LIVE, PREVIOUS, SHADOW, ModelStore
from app.store.version import Card


@dataclass(frozen=True)
class _Seen:
    """What the store said of a model: its aliases, its traffic, what was withdrawn, which of the versions it has no
    more that are loaded or did not load, and whether it has any.
    """

    aliases: Mapping[str, int]
    plan: Plan
    withdrawn: Mapping[int, str]
    gone: Collection[int]
    empty: bool


class Servables:
    """The loaded versions of every model. The store, which may be far away, is asked in threads, and never for what is
    loaded; the exchange is one reference on the loop.

    `models` names the family of each model; `runtime` runs their versions; `faults` are those of each that would not
    load, and why.
    """

    def __init__(self, store: ModelStore, models: Mapping[str, Family], runtime: Runtime, limits: Limits) -> None:
        self._store = store
        self.models = models
        self.runtime = runtime
        self._loader = Loader(store, models, runtime, limits, self._withdraw)
        self._withdrawals = Withdrawals(store, models)
        self._replacing: set[asyncio.Task[None]] = set()
        self._max_loaded = limits.max_loaded
        self._live: dict[str, Loaded] = {}
        self._traffic: dict[str, Traffic] = dict.fromkeys(models, UNDIVIDED)
        self._others: dict[str, OrderedDict[int, Loaded]] = {model: OrderedDict() for model in models}
        self._locks = {model: asyncio.Lock() for model in models}
        self._aliases: dict[str, Mapping[str, int]] = {model: {} for model in models}
        self._lacking: set[str] = set()
        self._cut_off = False
        self.faults: dict[str, dict[int, str]] = {model: {} for model in models}
        self._passing: dict[str, set[int]] = {model: set() for model in models}  # of the faults, what is tried again

    async def open(self) -> None:
        """Load and warm the live version of every model that has one, or the next best if that one is damaged."""
        await asyncio.gather(*(self.refresh(model) for model in self.models))

    def close(self) -> None:
        """Let the threads and the processes go."""
        for task in self._replacing:
            task.cancel()
        self._live.clear()
        self._traffic = dict.fromkeys(self.models, UNDIVIDED)
        for others in self._others.values():
            others.clear()
        self._loader.close()

    def live(self, model: str) -> Loaded:
        """The version that answers now; raises Conflict when there is none, Unavailable when it was withdrawn."""
        loaded = self._live.get(model)
        if loaded is None and (reasons := list(self._withdrawals.of(model).values())):
            raise Unavailable(f"{model} has no version to answer with now: {reasons[-1]}")
        if loaded is None:
            raise Conflict(
                f"{model} has no version to answer with yet: train one with POST /train/{self.models[model].name}"
            )
        return loaded

    async def get(self, model: str, reference: str | None, *, take_back: bool = False) -> Loaded:
        """The version that a number or an alias names, loaded now if need be; without a name one of those that share
        the traffic, or the live one. One that was withdrawn is Damaged, unless it is to be taken back.
        """
        if reference is None and self._traffic[model].answering:
            return self._traffic[model].draw()
        if reference is None or reference == LIVE:
            return self.live(model)
        loaded = self._at_hand(model, reference)
        if loaded:
            return loaded
        version = await asyncio.to_thread(self._store.resolve, model, reference)
        if version == self.serving(model):
            return self.live(model)
        others = self._others[model]
        async with self._locks[model]:
            others[version] = await self._loaded(model, version, take_back=take_back)
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
        async with self._locks[model]:
            seen = await asyncio.to_thread(self._look, model, {*self._others[model], *self.faults[model]})
            self._aliases[model] = seen.aliases
            for version in self._withdrawals.see(model, seen.withdrawn):
                self.faults[model].pop(version, None)
            for version, reason in self._withdrawals.of(model).items():
                self._take_out(model, version, reason)
            for version in seen.gone:
                self._others[model].pop(version, None)
                self.faults[model].pop(version, None)
            await self._refresh_live(model)
            await self._refresh_traffic(model, seen.plan)
            if seen.empty or self.serving(model) is not None:
                self._lacking.discard(model)
            else:
                self._lacking.add(model)

    async def try_out(self, card: Card, folder: Path) -> None:
        """Load what is to be a version of a model as if it were to serve; raises Damaged or Runaway."""
        await self._in_thread(self._loader.try_out, card, folder)

    @property
    def cut_off(self) -> bool:
        """Whether the store did not work when it was last looked at; what is loaded goes on."""
        return self._cut_off

    @property
    def complete(self) -> bool:
        """Whether every model answers that had a version when the store was last looked at."""
        return not self._lacking

    def traffic(self, model: str) -> Traffic:
        """Who answers the requests that name no version."""
        return self._traffic[model]

    async def watch(self, seconds: float) -> None:
        """Follow the aliases of the store, whoever moves them, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            try:
                for model in self.models:
                    await self._follow(model)
            except Unavailable as fault:
                if not self._cut_off:
                    log.error("what is loaded goes on, and the store is not followed: %s", fault)
                self._cut_off = True
            else:
                if self._cut_off:
                    log.info("the store is followed again")
                self._cut_off = False

    # ---- inside

    async def _follow(self, model: str) -> None:
        """Refresh; only that the store does not work at all is for the caller to know."""
        try:
            await self.refresh(model)
        except Unavailable:
            raise
        except Exception:
            log.exception("could not look for a moved alias of %s", model)

    def _look(self, model: str, known: Collection[int]) -> _Seen:
        """What the store says now; runs in a thread."""
        self._withdrawals.save(model)
        register = self._store.register(model)
        if register.aliases is None:
            raise Damaged(f"the aliases of {model} cannot be read")
        plan = UNDIVIDED.plan
        if register.split is not None:
            plan = Plan(register.split, register.aliases.get(SHADOW))
        elif self._traffic[model].plan != plan:
            log.error("the split of %s cannot be read", model)
        numbers = self._store.numbers(model) if known or self.serving(model) is None else []
        gone = [version for version in known if version not in numbers]
        return _Seen(register.aliases, plan, register.withdrawn, gone, not numbers)

    def _at_hand(self, model: str, reference: str) -> Loaded | None:
        """The version that a number or an alias names, if it is loaded."""
        is_number = reference.isdecimal() and len(reference) <= MOST_DIGITS
        version = int(reference) if is_number else self._aliases[model].get(reference)
        if version is None:
            return None
        if version in self._others[model]:
            self._others[model].move_to_end(version)
        return self._found(model, version)

    def _found(self, model: str, version: int) -> Loaded | None:
        """A version that is loaded already."""
        if version == self.serving(model):
            return self._live[model]
        return self._traffic[model].held.get(version) or self._others[model].get(version)

    def _withdraw(self, model: str, version: int, fault: Runaway) -> None:
        """Take a version that ran away out of service at once, and let the one before it answer."""
        if version in self._withdrawals.of(model):
            return
        log.error("%s %d withdrawn: %s", model, version, fault)
        self._withdrawals.add(model, version, str(fault))
        self._take_out(model, version, str(fault))
        task = asyncio.create_task(self._replace(model), context=Context())  # for no request
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _in_thread(self, load: Callable[..., Any], *args: object) -> Any:
        """Load in the threads that are there for it: it may take long, and others need those of all."""
        return await asyncio.get_running_loop().run_in_executor(self._loader.loading, load, *args)

    async def _replace(self, model: str) -> None:
        with suppress(Unavailable):  # the next look at the store does it
            await self._follow(model)

    def _take_out(self, model: str, version: int, reason: str) -> None:
        self.faults[model][version] = reason
        self._others[model].pop(version, None)
        if version == self.serving(model):
            del self._live[model]
            self._traffic[model] = UNDIVIDED
        elif version in self._traffic[model].held:
            self._traffic[model] = UNDIVIDED  # and then what is left of the plan

    async def _refresh_live(self, model: str) -> None:
        if self._settled(model):
            return
        for version in await self._candidates(model):
            try:
                loaded = await self._loaded(model, version)
            except (Damaged, NotFound, SystemFault) as fault:
                if self.faults[model].get(version) != str(fault):
                    log.error("%s %d not loaded: %s", model, version, fault)
                self.faults[model][version] = str(fault)
                (self._passing[model].add if isinstance(fault, SystemFault) else self._passing[model].discard)(version)
            else:
                self._live[model], self._traffic[model] = loaded, UNDIVIDED
                log.info("%s %d serving", model, version)
                return

    async def _refresh_traffic(self, model: str, plan: Plan) -> None:
        if model not in self._live or plan == self._traffic[model].plan:
            return
        self._traffic[model] = traffic = await self._carried_out(model, plan)
        shadow = traffic.shadow and traffic.shadow.loaded.card.version
        log.info("%s shared: %s, in the shadow: %s", model, dict(traffic.shares) or "no", shadow or "none")

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
            if not isinstance(loaded, LoadedClassifier):
                raise Conflict(f"{model} continues texts")
        except (Damaged, NotFound, Conflict) as fault:
            log.error("%s: no shadow: %s", model, fault)
            return None
        return Shadow(loaded)

    def _settled(self, model: str) -> bool:
        wanted, serving = self._aliases[model].get(LIVE), self.serving(model)
        given_up = self.faults[model].keys() - self._passing[model]
        return wanted in (None, serving) or (serving is not None and wanted in given_up)

    async def _candidates(self, model: str) -> list[int]:
        """What to try: the live version; if nothing is served at all, the one before it and then every other, newest
        first, but for those that are known not to load.
        """
        live = self._aliases[model][LIVE]
        if self.serving(model) is not None:
            return [live]
        cards = await asyncio.to_thread(self._store.versions, model)
        previous = self._aliases[model].get(PREVIOUS, live)
        newest = [card.version for card in reversed(cards)]
        return [version for version in dict.fromkeys([live, previous, *newest]) if version not in self.faults[model]]

    async def _loaded(self, model: str, version: int, *, take_back: bool = False) -> Loaded:
        """One that is loaded already, or loaded now; it is no longer among the others, nor among the faults."""
        reason = self._withdrawals.of(model).get(version)
        if reason and not take_back:
            raise Damaged(f"{reason}; promote it to take it back")
        found = self._found(model, version)
        self._others[model].pop(version, None)
        try:
            loaded = await self._in_thread(self._loader.load, model, version) if found is None else found
        except Runaway as fault:
            self._withdraw(model, version, fault)
            raise Damaged(str(fault)) from fault
        self._withdrawals.forget(model, version)
        self.faults[model].pop(version, None)
        return loaded
