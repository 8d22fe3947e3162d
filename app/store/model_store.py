"""The store: models, each a line of immutable versions and the aliases that point at them, over a backend."""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from app import request_context
from app.errors import Conflict, Damaged, NotFound, SystemFault
from app.logging import log
from app.paths import CORPORA
from app.store.backend import MOST_DIGITS, Backend, Register
from app.store.folder import FolderBackend
from app.store.shared_folder import JobFolders, SharedFolder
from app.store.version import CARD, Card

LIVE = "live"
PREVIOUS = "previous"
SHADOW = "shadow"  # is asked what is answered, and only counted


class ModelStore:
    """Versions, what points at them, and what jobs share. What has no valid card does not exist for any reader.

    `backend` says where all of it is kept; a path stands for that folder.
    """

    def __init__(self, backend: Backend | Path) -> None:
        self._backend: Backend = FolderBackend(backend) if isinstance(backend, Path) else backend
        self.jobs = JobFolders(self._backend.shared_names, self._backend.shared)

    @property
    def corpora(self) -> SharedFolder:
        """Where the texts are that came with requests."""
        return self._backend.shared(CORPORA)

    # ---- reading

    def models(self) -> list[str]:
        """The models that have a version, by name."""
        return self._backend.models()

    def family(self, model: str) -> str | None:
        """The family of a model, by the card of its newest sound version; None while it has none."""
        found = (card for number in reversed(self.numbers(model)) if (card := self._sound(model, number)))
        return next((card.family for card in found), None)

    def numbers(self, model: str) -> list[int]:
        """The numbers of a model's versions, sound or not, in order."""
        return self._backend.numbers(model)

    def inspect_versions(self, model: str) -> Iterator[tuple[int, Card | Damaged | SystemFault]]:
        """Every version with its card, or with what is wrong; one that is deleted meanwhile does not count."""
        for number in self.numbers(model):
            try:
                yield number, self._read(model, number)
            except (Damaged, SystemFault) as fault:
                if number in self.numbers(model):
                    yield number, fault

    def versions(self, model: str) -> list[Card]:
        """The cards of a model's sound versions, oldest first."""
        return [card for _, card in self.inspect_versions(model) if isinstance(card, Card)]

    def faults(self, model: str) -> dict[int, str]:
        """The versions that cannot be read or were withdrawn, and why."""
        withdrawn = self.register(model).withdrawn
        return {
            number: withdrawn[number] if isinstance(found, Card) else str(found)
            for number, found in self.inspect_versions(model)
            if not isinstance(found, Card) or number in withdrawn
        }

    def card(self, model: str, version: int) -> Card:
        """One card; raises NotFound when there is no such version, Damaged when it is not sound."""
        self._check_exists(model, version)
        return self._read(model, version)

    def folder(self, model: str, version: int) -> Path:
        """Where a version's files lie on this machine, fetched if need be; raises NotFound or Damaged."""
        return self._backend.folder(self.card(model, version))

    def verified_path(self, card: Card) -> Path:
        """Where a version's files lie on this machine, every byte just compared with its card; raises Damaged."""
        return self._backend.verified_path(card)

    def verify(self, card: Card) -> None:
        """Compare every stored byte of a version with its card; raises Damaged."""
        self._backend.verify(card)

    def register(self, model: str) -> Register:
        """The aliases and the split of a model in one look; None for what cannot be understood."""
        return self._backend.register(model)

    def aliases(self, model: str) -> dict[str, int]:
        """The aliases of a model; empty when none was ever set. Raises Damaged when they cannot be understood."""
        return _aliases(model, self.register(model))

    def split(self, model: str) -> dict[int, float]:
        """The weights of the versions that share a model's requests; empty when `live` answers them all.

        Raises Damaged when they cannot be understood.
        """
        return _split(model, self.register(model))

    def resolve(self, model: str, reference: str | int) -> int:
        """The version that a number or an alias means; raises NotFound."""
        if str(reference).isdecimal() and len(str(reference)) <= MOST_DIGITS:
            return self.card(model, int(reference)).version
        aliases = self.aliases(model)
        if reference not in aliases:
            known = ", ".join(sorted(aliases)) or "none"
            raise NotFound(f"{model} has no version or alias {str(reference)[:40]!r}; aliases: {known}")
        return aliases[str(reference)]

    # ---- writing

    def stage(self, owner: str) -> Path:
        """A new, private folder for `owner` to write a version into; readers never see it."""
        return self._backend.stage(owner)

    def publish(self, staged: Path, model: str, card: Callable[[int], Card]) -> Card:
        """Make the staged folder the next version, all of it at once.

        `card` makes the card for the number that the version gets. Raises Conflict when the model is of another family.
        """

        def check(made: Card) -> None:
            family = self.family(model)
            if family not in (None, made.family):
                raise Conflict(f"{model} is a model of the family {family}, and this version is of {made.family}")

        return self._backend.publish(staged, model, card, check)

    def published_by(self, model: str, job: str) -> Card | None:
        """The version that a job has published already, if it has."""
        return next((card for card in self.versions(model) if card.job == job), None)

    def promote(
        self, model: str, version: int, should_promote: Callable[[int | None], bool] = lambda _: True
    ) -> dict[str, int]:
        """Point `live` at a version and `previous` at the one that was live; returns the aliases. A split ends, and so
        does the shadow of the version itself. One that was withdrawn is taken back.

        `should_promote` is told the number that is live, and may say that it stays; it is called while nobody else
        changes that, several times where others were quicker.
        """

        def promoted(register: Register) -> Register:
            self.card(model, version)
            return (
                _promoting(model, register, version)
                if should_promote(_aliases(model, register).get(LIVE))
                else register
            )

        return self._aliases_after(model, promoted)

    def withdraw(self, model: str, version: int, reason: str) -> None:
        """Take a version out of service until somebody promotes it again: nothing loads it by itself."""

        def withdrawn(register: Register) -> Register:
            there = self.numbers(model)
            known = {number: why for number, why in register.withdrawn.items() if number in there}
            return replace(register, withdrawn={**known, version: reason} if version in there else known)

        self._backend.change(model, withdrawn)

    def rollback(self, model: str) -> dict[str, int]:
        """Exchange `live` and `previous`; raises NotFound when nothing was live before."""
        version: int | None = None

        def rolled_back(register: Register) -> Register:
            nonlocal version
            aliases = _aliases(model, register)
            if version is not None and aliases.get(LIVE) == version:  # by a try whose answer was lost
                return register
            version = aliases.get(PREVIOUS)
            if version is None:
                raise NotFound(f"{model} has no version to roll back to: it has no alias {PREVIOUS!r}")
            self.card(model, version)
            return _promoting(model, register, version)

        return self._aliases_after(model, rolled_back)

    def set_alias(self, model: str, alias: str, version: int) -> dict[str, int]:
        """Point any alias at a version; returns the aliases."""
        if alias == LIVE:
            return self.promote(model, version)

        def pointed(register: Register) -> Register:
            self.card(model, version)
            return replace(register, aliases=_aliases(model, register) | {alias: version})

        return self._aliases_after(model, pointed)

    def remove_alias(self, model: str, alias: str) -> dict[str, int]:
        """Forget an alias; returns those that are left. Raises NotFound, or Conflict for `live`."""
        if alias == LIVE:
            raise Conflict(f"{LIVE!r} cannot be removed, only moved to another version")

        def removed(register: Register) -> Register:
            aliases = _aliases(model, register)
            if alias not in aliases:
                raise NotFound(f"{model} has no alias {alias!r}; aliases: {', '.join(sorted(aliases)) or 'none'}")
            del aliases[alias]
            return replace(register, aliases=aliases)

        return self._aliases_after(model, removed)

    def set_split(self, model: str, weights: Mapping[int, float]) -> None:
        """Share the requests that name no version among these; raises NotFound or Damaged."""

        def shared(register: Register) -> Register:
            for version in weights:
                self.card(model, version)
            return replace(register, split=dict(weights))

        self._change(model, shared)

    def end_split(self, model: str) -> None:
        """Let `live` answer everything again."""
        self._change(model, lambda register: replace(register, split={}))

    def delete(self, model: str, version: int) -> None:
        """Remove a version, sound or damaged; raises NotFound, or Conflict while an alias or a split names it."""

        def check(register: Register) -> None:
            self._check_exists(model, version)
            names = [alias for alias, number in _aliases(model, register).items() if number == version]
            if names:
                raise Conflict(f"version {version} of {model} is {' and '.join(sorted(names))}: move the alias first")
            if version in _split(model, register):
                raise Conflict(f"version {version} of {model} receives part of its traffic: end the split first")
            request_context.commit()

        self._backend.remove(model, version, check)

    def delete_model(self, model: str) -> None:
        """Remove a model with all its versions; raises NotFound."""
        if not self.numbers(model):
            raise NotFound(f"there is no version of {model!r}; models: {', '.join(self.models()) or 'none'}")
        self._backend.remove_all(model)

    def seed(self, starters: Path) -> None:
        """Give every model that has no version here its starter, and every model without `live` its best guess.

        The starter of a model is version 1 in the folder `starters`; the guess is the newest sound version. Raises
        Unavailable when the store cannot be used.
        """
        self._backend.open()
        source = ModelStore(starters)
        if any(not self.numbers(model) for model in source.models()):
            with self._backend.seed_lock():  # two processes that start at once copy a starter once
                for model in source.models():
                    if not self.numbers(model):
                        self._copy_starter(source, model)
        for model in self.models():
            withdrawn = self.register(model).withdrawn
            sound = [card for card in self.versions(model) if card.version not in withdrawn]
            if sound and LIVE not in self._sound_aliases(model):
                self.promote(model, sound[-1].version, lambda live: live is None)

    def prune(self, model: str, keep: int, spared: Callable[[], Collection[int]] = tuple) -> list[int]:
        """Delete all but the newest `keep` versions, those that an alias or a split names, and those that are `spared`,
        which is asked after the numbers are known; returns what went.
        """
        old = self.numbers(model)[:-keep]
        kept = {*self.aliases(model).values(), *spared()} if old else set()
        gone = []
        for number in old:
            if number in kept:
                continue
            with suppress(Conflict, NotFound):  # named by an alias, or deleted, just now
                self.delete(model, number)
                gone.append(number)
        return gone

    def discard(self, owner: str) -> None:
        """Remove what `owner` staged, or began to publish, and did not finish."""
        self._backend.discard(owner)

    def sweep(self, owners: Collection[str]) -> None:
        """Remove what dead writers left: those that are not among these `owners`."""
        self._backend.sweep(owners)

    # ---- inside

    def _read(self, model: str, version: int) -> Card:
        card = self._backend.read(model, version)
        if (card.model, card.version) != (model, version):
            raise Damaged(f"{version}/{CARD} is the card of {card.model} {card.version}")
        return card

    def _sound(self, model: str, version: int) -> Card | None:
        try:
            return self._read(model, version)
        except (Damaged, SystemFault):
            return None

    def _aliases_after(self, model: str, edit: Callable[[Register], Register]) -> dict[str, int]:
        return _aliases(model, self._change(model, edit))

    def _change(self, model: str, edit: Callable[[Register], Register]) -> Register:
        """Change the register, unless it is for a request that was answered with an error meanwhile."""

        def decided(register: Register) -> Register:
            new = edit(register)
            request_context.commit()
            return new

        return self._backend.change(model, decided)

    def _sound_aliases(self, model: str) -> dict[str, int]:
        """The aliases; those that cannot be understood are set aside under another name."""
        try:
            return self.aliases(model)
        except Damaged as fault:
            log.error("%s", fault)
            self._backend.quarantine(model)
            return {}

    def _check_exists(self, model: str, version: int) -> None:
        numbers = self.numbers(model)
        if version not in numbers:
            known = ", ".join(str(number) for number in numbers) or "none"
            raise NotFound(f"{model} has no version {version}; versions: {known}")

    def _copy_starter(self, source: "ModelStore", model: str) -> None:
        try:
            card = source.card(model, 1)
        except (Damaged, NotFound):
            return
        staged = self.stage("starter")
        shutil.copytree(source.folder(model, 1), staged, dirs_exist_ok=True)
        self.publish(staged, model, lambda number: card.model_copy(update={"version": number}))


def _promoting(model: str, register: Register, version: int) -> Register:
    """The register with another version live, and all that follows from that."""
    aliases = _aliases(model, register)
    withdrawn = {number: why for number, why in register.withdrawn.items() if number != version}
    if aliases.get(LIVE) == version:
        return replace(register, withdrawn=withdrawn)
    if LIVE in aliases:
        aliases[PREVIOUS] = aliases[LIVE]
    aliases[LIVE] = version
    if aliases.get(SHADOW) == version:
        del aliases[SHADOW]
    return Register(aliases, {}, withdrawn)


def _aliases(model: str, register: Register) -> dict[str, int]:
    if register.aliases is None:
        raise Damaged(f"the aliases of {model} cannot be read; the next start of the service sets them aside")
    return dict(register.aliases)


def _split(model: str, register: Register) -> dict[int, float]:
    if register.split is None:
        raise Damaged(f"the split of {model} cannot be read: set it again, or end it")
    return dict(register.split)
