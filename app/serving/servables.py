"""The servables: the models that the store has, found while the service runs, and the versions of each that answer."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.errors import NotFound, Runaway, Unavailable
from app.families.catalog import built_in
from app.families.contract import Family, Task
from app.logging import log
from app.serving.loading import LoadedVersion, Loader, ServingLimits
from app.serving.runtimes.protocol import Runtime
from app.serving.served_model import ServedModel
from app.serving.traffic import Traffic
from app.store.model_store import ModelStore
from app.store.version import Card


class Servables:
    """Every model there is: those that a family builds in, with a version or not, and those that the store has.

    `runtime` runs their versions.
    """

    def __init__(
        self, store: ModelStore, families: Mapping[str, Family], runtime: Runtime, limits: ServingLimits
    ) -> None:
        self.runtime = runtime
        self._store = store
        self._families = families
        self._built_in = built_in(families)
        self._loader = Loader(store, families, runtime, limits, self._withdraw)
        self._max_loaded = limits.max_loaded
        self._served: Mapping[str, ServedModel] = {}  # replaced as a whole: other threads read it
        self._strangers: frozenset[str] = frozenset()  # models of families that are not installed
        self._looking = asyncio.Lock()
        self._looked = float("-inf")  # when the last look for models began, by the loop's clock
        self._store_unavailable = False
        self._serve(self._built_in)

    async def open(self) -> None:
        """Load and warm the live version of every model that has one, or the next best if that one is damaged."""
        await self._discover()
        await asyncio.gather(*(served.refresh() for served in self._served.values()))

    def close(self) -> None:
        """Let the threads and the processes go."""
        for served in self._served.values():
            served.release()
        self._loader.close()

    @property
    def models(self) -> Mapping[str, Family]:
        """The family of every model there is now, the built-in ones first, then by name."""
        return {name: served.family for name, served in self._served.items()}

    def task_of(self, model: str) -> Task | None:
        """What a model does; None for one that is not known yet."""
        served = self._served.get(model)
        return served.family.task if served else None

    def family_of(self, model: str) -> Family:
        """The family of a model; raises NotFound."""
        return self._of(model).family

    @property
    def faults(self) -> dict[str, dict[int, str]]:
        """The versions of each model that would not load, and why."""
        return {name: served.faults for name, served in self._served.items()}

    def live(self, model: str) -> LoadedVersion:
        """The version that answers now; raises NotFound when there is no such model, Conflict when it has no version,
        Unavailable when that was withdrawn.
        """
        return self._of(model).live()

    async def get(self, model: str, reference: str | None, *, reinstate: bool = False) -> LoadedVersion:
        """The version of any model that a number or an alias names, loaded now if need be; without a name one of those
        that share the traffic, or the live one. One that was withdrawn is Damaged, unless it is to be taken back.

        Raises NotFound for a model, or a version, that there is not; a model that was made just now is found.
        """
        if model not in self._served:
            await self._look_for(model)
        return await self._of(model).get(reference, reinstate=reinstate)

    def serving(self, model: str) -> int | None:
        """The number of the version that answers now."""
        served = self._served.get(model)
        return served.serving if served else None

    def loaded(self, model: str) -> list[int]:
        """The numbers of the versions that are in memory."""
        return self._of(model).loaded

    def waiting(self, model: str) -> int:
        """How many instances, or texts, wait for the version that answers now."""
        return self._of(model).waiting

    async def refresh(self, model: str) -> None:
        """Serve what the store says of a model now; a model that it does not have any more goes."""
        await self._discover()
        if served := self._served.get(model):
            await served.refresh()

    async def try_out(self, card: Card, folder: Path) -> None:
        """Load what is to be a version of a model as if it were to serve; raises Damaged or Runaway."""
        await self._loader.try_out(card, folder)

    @property
    def store_unavailable(self) -> bool:
        """Whether the store did not work when it was last looked at; what is loaded goes on."""
        return self._store_unavailable

    @property
    def all_ready(self) -> bool:
        """Whether every model answers that had a version when the store was last looked at."""
        return not any(served.is_unserved for served in self._served.values())

    def traffic(self, model: str) -> Traffic:
        """Who answers the requests that name no version."""
        return self._of(model).traffic

    async def watch(self, seconds: float) -> None:
        """Follow the models and the aliases of the store, whoever changes them, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self._refresh_or_log()
            except Unavailable as fault:
                if not self._store_unavailable:
                    log.error("what is loaded goes on, and the store is not followed: %s", fault)
                self._store_unavailable = True
            else:
                if self._store_unavailable:
                    log.info("the store is followed again")
                self._store_unavailable = False

    # ---- inside

    def _of(self, model: str) -> ServedModel:
        served = self._served.get(model)
        if served is None:
            raise NotFound(f"there is no model {model[:64]!r}; models: {', '.join(self._served)}")
        return served

    async def _refresh_or_log(self) -> None:
        """Look for models, then at each; only that the store does not work at all is for the caller to know."""
        try:
            await self._discover()
        except Unavailable:
            raise
        except Exception:
            log.exception("could not look for models")
        for served in self._served.values():
            await served.follow()

    async def _look_for(self, model: str) -> None:
        """Look for models that were made since the last look, together with all who ask meanwhile."""
        asked = asyncio.get_running_loop().time()
        async with self._looking:
            if self._looked < asked:
                await self._read_snapshot()
        if (served := self._served.get(model)) and served.serving is None:
            await served.refresh()

    async def _discover(self) -> None:
        async with self._looking:
            await self._read_snapshot()

    async def _read_snapshot(self) -> None:
        self._looked = asyncio.get_running_loop().time()
        known = self.models
        self._serve(await asyncio.to_thread(self._find_loaded, known))

    def _find_loaded(self, known: Mapping[str, Family]) -> Mapping[str, Family]:
        """The models that the store has, with their families; runs in a thread."""
        found, strangers = dict(self._built_in), set()
        for name in self._store.models():
            family = known.get(name) or self._families.get(self._store.family(name) or "")
            if family:
                found.setdefault(name, family)
            else:
                strangers.add(name)
        if unheard := strangers - self._strangers:
            log.warning("not served, as nothing installed knows their families: %s", ", ".join(sorted(unheard)))
        self._strangers = frozenset(strangers)
        return found

    def _serve(self, models: Mapping[str, Family]) -> None:
        """Let these be the models: those that are new begin without a loaded version, those that are gone go."""
        names: Sequence[str] = [*self._built_in, *sorted(models.keys() - self._built_in.keys())]
        for name in self._served.keys() - models.keys():
            self._served[name].release()
            self._loader.forget(name)
            log.info("%s is gone", name)
        self._served = {name: self._served.get(name) or self._new(name, models[name]) for name in names}

    def _new(self, name: str, family: Family) -> ServedModel:
        return ServedModel(name, family, self._store, self._loader, self._max_loaded)

    def _withdraw(self, model: str, version: int, fault: Runaway) -> None:
        if served := self._served.get(model):
            served.withdraw(version, fault)
