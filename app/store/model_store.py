"""The store: a folder of models, each a line of immutable versions and the aliases that point at them."""

import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from app.errors import Conflict, Damaged, NotFound
from app.store.files import locked, replace, sync, sync_tree
from app.store.version import CARD, Card, read_card
from app.telemetry import log

ALIASES = "aliases.json"
STAGING = ".staging"
DELETED = ".deleted"  # the highest number that was deleted: no number means two versions, ever
LIVE = "live"
PREVIOUS = "previous"
SHADOW = "shadow"  # is asked what is answered, and only counted
MOST_DIGITS = 9  # of a version's number
TRAFFIC = "traffic.json"
_TRAFFIC = TypeAdapter(dict[Annotated[int, Field(ge=1)], Annotated[float, Field(gt=0, allow_inf_nan=False)]])
_ALIASES = TypeAdapter(dict[str, Annotated[int, Field(ge=1)]])


class ModelStore:
    """Versions lie at `<root>/<model>/<version>/`. What has no valid card does not exist for any reader."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # ---- reading

    def models(self) -> list[str]:
        """The models that have a folder, by name."""
        return sorted(
            path.name for path in self._children(self.root) if path.name[0] != "." and self.numbers(path.name)
        )

    def numbers(self, model: str) -> list[int]:
        """The numbers of a model's versions, sound or not, in order."""
        home = self.root / model
        return sorted(int(path.name) for path in self._children(home) if path.name.isdecimal() and path.is_dir())

    def look_at(self, model: str) -> Iterator[tuple[int, Card | Damaged]]:
        """Every version with its card, or with what is wrong; one that is deleted meanwhile does not count."""
        for number in self.numbers(model):
            try:
                yield number, self.card(model, number)
            except NotFound:
                continue
            except Damaged as fault:
                if self.folder(model, number).exists():
                    yield number, fault

    def versions(self, model: str) -> list[Card]:
        """The cards of a model's sound versions, oldest first."""
        return [card for _, card in self.look_at(model) if isinstance(card, Card)]

    def faults(self, model: str) -> dict[int, str]:
        """The versions that cannot be read, and why."""
        return {number: str(fault) for number, fault in self.look_at(model) if isinstance(fault, Damaged)}

    def card(self, model: str, version: int) -> Card:
        """One card; raises NotFound when there is no such version, Damaged when it is not sound."""
        self._check_exists(model, version)
        folder = self.folder(model, version)
        card = read_card(folder)
        if (card.model, card.version) != (model, version):
            raise Damaged(f"{folder.name}/{CARD} is the card of {card.model} {card.version}")
        return card

    def folder(self, model: str, version: int) -> Path:
        """Where a version's files lie."""
        return self.root / model / str(version)

    def aliases(self, model: str) -> dict[str, int]:
        """The aliases of a model; empty when none was ever set. Raises Damaged when they cannot be understood."""
        try:
            return _ALIASES.validate_json((self.root / model / ALIASES).read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as fault:
            raise Damaged(f"{model}/{ALIASES} cannot be read; the next start of the service sets it aside") from fault

    def split(self, model: str) -> dict[int, float]:
        """The weights of the versions that share a model's requests; empty when `live` answers them all.

        Raises Damaged when they cannot be understood.
        """
        try:
            return _TRAFFIC.validate_json((self.root / model / TRAFFIC).read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as fault:
            raise Damaged(f"{model}/{TRAFFIC} cannot be read: set the split again, or end it") from fault

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
        staging = self.root / STAGING
        staging.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f"{owner}-", dir=staging))
        staged.chmod(0o755)  # what is published is for every user of the volume to read
        return staged

    def publish(self, staged: Path, model: str, card: Callable[[int], Card]) -> Card:
        """Make the staged folder the next version: card last, all of it on disk, then one rename.

        `card` makes the card for the number that the version gets.
        """
        home = self.root / model
        home.mkdir(parents=True, exist_ok=True)
        with self._lock(model):
            made = card(1 + max([self._deleted(model), *self.numbers(model)]))
            replace(staged / CARD, made.model_dump_json(indent=1).encode())
            sync_tree(staged)
            staged.rename(home / str(made.version))
            sync(home)
        return made

    def published_by(self, model: str, job: str) -> Card | None:
        """The version that a job has published already, if it has."""
        return next((card for card in self.versions(model) if card.job == job), None)

    def promote(self, model: str, version: int) -> dict[str, int]:
        """Point `live` at a version and `previous` at the one that was live; returns the aliases. A split ends, and so
        does the shadow of the version itself.
        """
        with self._lock(model):
            self.card(model, version)
            aliases = self.aliases(model)
            if aliases.get(LIVE) != version:
                self._end_split(model)  # first: a kill in between leaves what was live to answer everything
                if LIVE in aliases:
                    aliases[PREVIOUS] = aliases[LIVE]
                aliases[LIVE] = version
                if aliases.get(SHADOW) == version:
                    del aliases[SHADOW]
                self._write_aliases(model, aliases)
        return aliases

    def rollback(self, model: str) -> dict[str, int]:
        """Exchange `live` and `previous`; raises NotFound when nothing was live before."""
        return self.promote(model, self.resolve(model, PREVIOUS))

    def set_alias(self, model: str, alias: str, version: int) -> dict[str, int]:
        """Point any alias at a version; returns the aliases."""
        if alias == LIVE:
            return self.promote(model, version)
        with self._lock(model):
            self.card(model, version)
            aliases = self.aliases(model) | {alias: version}
            self._write_aliases(model, aliases)
        return aliases

    def remove_alias(self, model: str, alias: str) -> dict[str, int]:
        """Forget an alias; returns those that are left. Raises NotFound, or Conflict for `live`."""
        if alias == LIVE:
            raise Conflict(f"{LIVE!r} can be moved and not removed: something has to answer")
        with self._lock(model):
            aliases = self.aliases(model)
            if alias not in aliases:
                raise NotFound(f"{model} has no alias {alias!r}; aliases: {', '.join(sorted(aliases)) or 'none'}")
            del aliases[alias]
            self._write_aliases(model, aliases)
        return aliases

    def set_split(self, model: str, weights: Mapping[int, float]) -> None:
        """Share the requests that name no version among these; raises NotFound or Damaged."""
        with self._lock(model):
            for version in weights:
                self.card(model, version)
            replace(self.root / model / TRAFFIC, json.dumps(dict(weights)).encode())

    def end_split(self, model: str) -> None:
        """Let `live` answer everything again."""
        with self._lock(model):
            self._end_split(model)

    def delete(self, model: str, version: int) -> None:
        """Remove a version, sound or damaged; raises NotFound, or Conflict while an alias or a split names it."""
        with self._lock(model):
            self._check_exists(model, version)
            names = [alias for alias, number in self.aliases(model).items() if number == version]
            if names:
                raise Conflict(f"version {version} of {model} is {' and '.join(sorted(names))}: move the alias first")
            if version in self.split(model):
                raise Conflict(f"version {version} of {model} has a share of its requests: end the split first")
            replace(self.root / model / DELETED, str(max(self._deleted(model), version)).encode())
            grave = self.stage("deleted")
            self.folder(model, version).rename(grave / str(version))
        shutil.rmtree(grave)

    def seed(self, starters: Path) -> None:
        """Give every model that has no version here its starter, and every model without `live` its best guess.

        The starter of a model is version 1 in the folder `starters`; the guess is the newest sound version.
        """
        source = ModelStore(starters)
        with locked(self.root / ".lock"):  # two processes that start at once copy a starter once
            for model in source.models() if starters.resolve() != self.root.resolve() else ():
                if not self.numbers(model):
                    self._copy_starter(source.folder(model, 1), model)
        for model in self.models():
            sound = self.versions(model)
            if sound and LIVE not in self._sound_aliases(model):
                self.promote(model, sound[-1].version)

    def prune(self, model: str, keep: int) -> list[int]:
        """Delete all but the newest `keep` versions and those that an alias names; returns what went."""
        aliased = set(self.aliases(model).values())
        old = [number for number in self.numbers(model)[:-keep] if number not in aliased]
        gone = []
        for number in old:
            with suppress(Conflict, NotFound):  # named by an alias, or deleted, just now
                self.delete(model, number)
                gone.append(number)
        return gone

    def discard(self, owner: str) -> None:
        """Remove what `owner` staged and did not publish."""
        for path in self._children(self.root / STAGING):
            if path.name.rpartition("-")[0] == owner:
                shutil.rmtree(path, ignore_errors=True)

    def sweep(self, owners: Collection[str]) -> None:
        """Remove the staged folders of everybody but these `owners`: what dead writers left."""
        for path in self._children(self.root / STAGING):
            if path.name.rpartition("-")[0] not in owners:
                shutil.rmtree(path, ignore_errors=True)

    # ---- inside

    def _sound_aliases(self, model: str) -> dict[str, int]:
        """The aliases; a file that cannot be understood is set aside under another name."""
        try:
            return self.aliases(model)
        except Damaged as fault:
            log.error("%s", fault)
            path = self.root / model / ALIASES
            path.replace(path.with_suffix(".damaged"))
            return {}

    def _check_exists(self, model: str, version: int) -> None:
        numbers = self.numbers(model)
        if version not in numbers:
            known = ", ".join(str(number) for number in numbers) or "none"
            raise NotFound(f"{model} has no version {version}; versions: {known}")

    def _end_split(self, model: str) -> None:
        path = self.root / model / TRAFFIC
        if path.exists():
            path.unlink()
            sync(path.parent)

    def _deleted(self, model: str) -> int:
        try:
            return int((self.root / model / DELETED).read_bytes())
        except (FileNotFoundError, ValueError):
            return 0

    def _copy_starter(self, folder: Path, model: str) -> None:
        try:
            card = read_card(folder)
        except Damaged:
            return
        staged = self.stage("starter")
        shutil.copytree(folder, staged, dirs_exist_ok=True)
        self.publish(staged, model, lambda number: card.model_copy(update={"version": number}))

    def _write_aliases(self, model: str, aliases: dict[str, int]) -> None:
        replace(self.root / model / ALIASES, json.dumps(aliases, indent=1, sort_keys=True).encode())

    def _lock(self, model: str) -> AbstractContextManager[None]:
        return locked(self.root / model / ".lock")

    @staticmethod
    def _children(folder: Path) -> list[Path]:
        try:
            return list(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
