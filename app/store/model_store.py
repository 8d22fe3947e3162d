"""The store: models, each a line of immutable versions and the aliases that point at them, over a backend."""

import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from app import request_context
from app.errors import Conflict, Damaged, NotFound
from app.logging import log
from app.store.backend import Register
from app.store.reader import StoreReader, aliases_of, split_of
from app.store.version import Card

LIVE = "live"
PREVIOUS = "previous"
SHADOW = "shadow"  # is asked what is answered, and only counted


class ModelStore(StoreReader):
    """A store that can be changed: versions, the aliases that point at them, and what jobs share."""

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
                if should_promote(aliases_of(model, register).get(LIVE))
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
            aliases = aliases_of(model, register)
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
            return replace(register, aliases=aliases_of(model, register) | {alias: version})

        return self._aliases_after(model, pointed)

    def remove_alias(self, model: str, alias: str) -> dict[str, int]:
        """Forget an alias; returns those that are left. Raises NotFound, or Conflict for `live`."""
        if alias == LIVE:
            raise Conflict(f"{LIVE!r} cannot be removed, only moved to another version")

        def removed(register: Register) -> Register:
            aliases = aliases_of(model, register)
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
            names = [alias for alias, number in aliases_of(model, register).items() if number == version]
            if names:
                raise Conflict(f"version {version} of {model} is {' and '.join(sorted(names))}: move the alias first")
            if version in split_of(model, register):
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

    def _aliases_after(self, model: str, edit: Callable[[Register], Register]) -> dict[str, int]:
        return aliases_of(model, self._change(model, edit))

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
    aliases = aliases_of(model, register)
    withdrawn = {number: why for number, why in register.withdrawn.items() if number != version}
    if aliases.get(LIVE) == version:
        return replace(register, withdrawn=withdrawn)
    if LIVE in aliases:
        aliases[PREVIOUS] = aliases[LIVE]
    aliases[LIVE] = version
    if aliases.get(SHADOW) == version:
        del aliases[SHADOW]
    return Register(aliases, {}, withdrawn)
