"""One model as it is served: which of its versions are loaded, and how a new one takes over without a pause."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass

from app.errors import Conflict, Damaged, NotFound, Runaway, SystemFault, Unavailable
from app.families.contract import Family
from app.logging import log
from app.serving.loading import LoadedClassifier, LoadedVersion, Loader
from app.serving.traffic import NO_SPLIT, Shadow, Traffic, TrafficPolicy, check_comparable
from app.serving.withdrawals import Withdrawals
from app.store.backend import MOST_DIGITS
from app.store.model_store import LIVE, PREVIOUS, SHADOW, ModelStore


@dataclass(frozen=True)
class _StoreSnapshot:
    """What the store said of a model: its aliases, its traffic, what was withdrawn, which of the versions it has no
    more that are loaded or did not load, and whether it has any.
    """

    aliases: Mapping[str, int]
    policy: TrafficPolicy
    withdrawn: Mapping[int, str]
    deleted: Collection[int]
    empty: bool


class ServedModel:
    """The loaded versions of one model. The store, which may be far away, is asked in threads, and never for what is
    loaded; the exchange is one reference on the loop.

    `faults` are the versions that would not load, and why; `traffic` says who answers the requests that name no
    version; `lacking` whether it had a version when the store was last looked at, and answers with none.
    """

    def __init__(self, name: str, family: Family, store: ModelStore, loader: Loader, max_loaded: int) -> None:
        self.name = name
        self.family = family
        self.faults: dict[int, str] = {}
        self.traffic = NO_SPLIT
        self.is_unserved = False
        self._store = store
        self._loader = loader
        self._max_loaded = max_loaded
        self._withdrawals = Withdrawals(store, name)
        self._live: LoadedVersion | None = None
        self._extra_versions: OrderedDict[int, LoadedVersion] = OrderedDict()
        self._lock = asyncio.Lock()
        self._aliases: Mapping[str, int] = {}
        self._retryable_faults: set[int] = set()  # of the faults, what is tried again
        self._replacing: set[asyncio.Task[None]] = set()

    def release(self) -> None:
        """Let go of every version; requests under way end with theirs."""
        for task in self._replacing:
            task.cancel()
        self._live, self.traffic = None, NO_SPLIT
        self._extra_versions.clear()

    def live(self) -> LoadedVersion:
        """The version that answers now; raises Conflict when there is none, Unavailable when it was withdrawn."""
        if self._live is None and (reasons := list(self._withdrawals.all().values())):
            raise Unavailable(f"{self.name} has no version to answer with now: {reasons[-1]}")
        if self._live is None:
            raise Conflict(
                f"{self.name} has no version to answer with yet: train one with POST /train/{self.family.name}"
            )
        return self._live

    async def get(self, reference: str | None, *, reinstate: bool = False) -> LoadedVersion:
        """The version that a number or an alias names, loaded now if need be; without a name one of those that share
        the traffic, or the live one. One that was withdrawn is Damaged, unless it is to be taken back.
        """
        if reference is None and self.traffic.versions:
            return self.traffic.pick()
        if reference is None or reference == LIVE:
            return self.live()
        loaded = self._find_by_reference(reference)
        if loaded:
            return loaded
        version = await asyncio.to_thread(self._store.resolve, self.name, reference)
        if version == self.serving:
            return self.live()
        async with self._lock:
            self._extra_versions[version] = await self._loaded(version, reinstate=reinstate)
            while len(self._extra_versions) > self._max_loaded:
                self._extra_versions.popitem(last=False)
            return self._extra_versions[version]

    @property
    def serving(self) -> int | None:
        """The number of the version that answers now."""
        return self._live.card.version if self._live else None

    @property
    def loaded(self) -> list[int]:
        """The numbers of the versions that are in memory."""
        others = {*self.traffic.loaded, *self._extra_versions}
        return sorted(others if self.serving is None else {self.serving, *others})

    @property
    def waiting(self) -> int:
        """How many instances, or texts, wait for the version that answers now."""
        return self._live.batcher.waiting if self._live else 0

    async def refresh(self) -> None:
        """Serve what `live` points at, share and shadow as the store says, but for what is known not to load."""
        async with self._lock:
            snapshot = await asyncio.to_thread(self._read_snapshot, {*self._extra_versions, *self.faults})
            self._aliases = snapshot.aliases
            for version in self._withdrawals.update(snapshot.withdrawn):
                self.faults.pop(version, None)
            for version, reason in self._withdrawals.all().items():
                self._unload(version, reason)
            for version in snapshot.deleted:
                self._extra_versions.pop(version, None)
                self.faults.pop(version, None)
            await self._refresh_live()
            await self._refresh_traffic(snapshot.policy)
            self.is_unserved = not snapshot.empty and self.serving is None

    async def follow(self) -> None:
        """Refresh; only that the store does not work at all is for the caller to know."""
        try:
            await self.refresh()
        except Unavailable:
            raise
        except Exception:
            log.exception("could not look for a moved alias of %s", self.name)

    def withdraw(self, version: int, fault: Runaway) -> None:
        """Take a version that ran away out of service at once, and let the one before it answer."""
        if version in self._withdrawals.all():
            return
        log.error("%s %d withdrawn: %s", self.name, version, fault)
        self._withdrawals.add(version, str(fault))
        self._unload(version, str(fault))
        task = asyncio.create_task(self._replace(), context=Context())  # for no request
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    # ---- inside

    def _read_snapshot(self, known: Collection[int]) -> _StoreSnapshot:
        """What the store says now; runs in a thread."""
        self._withdrawals.save()
        register = self._store.register(self.name)
        if register.aliases is None:
            raise Damaged(f"the aliases of {self.name} cannot be read")
        policy = NO_SPLIT.policy
        if register.split is not None:
            policy = TrafficPolicy(register.split, register.aliases.get(SHADOW))
        elif self.traffic.policy != policy:
            log.error("the split of %s cannot be read", self.name)
        numbers = self._store.numbers(self.name) if known or self.serving is None else []
        deleted = [version for version in known if version not in numbers]
        return _StoreSnapshot(register.aliases, policy, register.withdrawn, deleted, not numbers)

    def _find_by_reference(self, reference: str) -> LoadedVersion | None:
        """The version that a number or an alias names, if it is loaded."""
        is_number = reference.isdecimal() and len(reference) <= MOST_DIGITS
        version = int(reference) if is_number else self._aliases.get(reference)
        if version is None:
            return None
        if version in self._extra_versions:
            self._extra_versions.move_to_end(version)
        return self._find_loaded(version)

    def _find_loaded(self, version: int) -> LoadedVersion | None:
        """A version that is loaded already."""
        if version == self.serving:
            return self._live
        return self.traffic.loaded.get(version) or self._extra_versions.get(version)

    async def _replace(self) -> None:
        with suppress(Unavailable):  # the next look at the store does it
            await self.follow()

    def _unload(self, version: int, reason: str) -> None:
        self.faults[version] = reason
        self._extra_versions.pop(version, None)
        if version == self.serving:
            self._live, self.traffic = None, NO_SPLIT
        elif version in self.traffic.loaded:
            self.traffic = NO_SPLIT  # and then what is left of the plan

    async def _refresh_live(self) -> None:
        if self._is_current():
            return
        for version in await self._candidates():
            try:
                loaded = await self._loaded(version)
            except (Damaged, NotFound, SystemFault) as fault:
                if self.faults.get(version) != str(fault):
                    log.error("%s %d not loaded: %s", self.name, version, fault)
                self.faults[version] = str(fault)
                (self._retryable_faults.add if isinstance(fault, SystemFault) else self._retryable_faults.discard)(
                    version
                )
            else:
                self._live, self.traffic = loaded, NO_SPLIT
                self.family = self._loader.family_of(loaded.card)  # the name may have been given anew
                log.info("%s %d serving", self.name, version)
                return

    async def _refresh_traffic(self, policy: TrafficPolicy) -> None:
        if self._live is None or policy == self.traffic.policy:
            return
        self.traffic = traffic = await self._apply_policy(policy, self._live)
        shadow = traffic.shadow and traffic.shadow.loaded.card.version
        log.info("%s shared: %s, in the shadow: %s", self.name, dict(traffic.weights) or "no", shadow or "none")

    async def _apply_policy(self, policy: TrafficPolicy, live: LoadedVersion) -> Traffic:
        """A plan with its versions loaded; the live version answers alone for what cannot be done."""
        split_versions = await self._load_split(policy.weights, live)
        shadow = await self._load_shadow(policy.shadow, split_versions.values())
        if shadow is None:
            return Traffic(policy, tuple(split_versions.values()), None, split_versions)
        versions = tuple(shadow.with_shadow(one) for one in split_versions.values())
        return Traffic(policy, versions, shadow, {**split_versions, shadow.loaded.card.version: shadow.loaded})

    async def _load_split(self, weights: Mapping[int, float], live: LoadedVersion) -> dict[int, LoadedVersion]:
        try:
            if weights:
                return {version: await self._loaded(version) for version in weights}
        except (Damaged, NotFound) as fault:
            log.error("%s: the live version answers all, as not every version of the split loads: %s", self.name, fault)
        return {live.card.version: live}

    async def _load_shadow(self, version: int | None, split_versions: Iterable[LoadedVersion]) -> Shadow | None:
        if version is None:
            return None
        try:
            loaded = await self._loaded(version)
            for one in split_versions:
                check_comparable(one.card, loaded.card)
            if not isinstance(loaded, LoadedClassifier):
                raise Conflict(f"{self.name} continues texts")
        except (Damaged, NotFound, Conflict) as fault:
            log.error("%s: no shadow: %s", self.name, fault)
            return None
        return Shadow(loaded)

    def _is_current(self) -> bool:
        wanted = self._aliases.get(LIVE)
        unloadable = self.faults.keys() - self._retryable_faults
        return wanted in (None, self.serving) or (self.serving is not None and wanted in unloadable)

    async def _candidates(self) -> list[int]:
        """What to try: the live version; if nothing is served at all, the one before it and then every other, newest
        first, but for those that are known not to load.
        """
        live = self._aliases[LIVE]
        if self.serving is not None:
            return [live]
        cards = await asyncio.to_thread(self._store.versions, self.name)
        previous = self._aliases.get(PREVIOUS, live)
        newest = [card.version for card in reversed(cards)]
        return [version for version in dict.fromkeys([live, previous, *newest]) if version not in self.faults]

    async def _loaded(self, version: int, *, reinstate: bool = False) -> LoadedVersion:
        """One that is loaded already, or loaded now; it is no longer among the others, nor among the faults."""
        reason = self._withdrawals.all().get(version)
        if reason and not reinstate:
            raise Damaged(f"{reason}; promote it to take it back")
        found = self._find_loaded(version)
        self._extra_versions.pop(version, None)
        try:
            loaded = await self._loader.load(self.name, version) if found is None else found
        except Runaway as fault:
            self.withdraw(version, fault)
            raise Damaged(str(fault)) from fault
        self._withdrawals.forget(version)
        self.faults.pop(version, None)
        return loaded
