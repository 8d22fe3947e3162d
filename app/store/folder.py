"""A store in a folder: a version is a rename, a register is small files, and writers take turns at a lock."""

import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app import request_context
from app.disk import make_folder, sync
from app.store.backend import ALIASES, SPLIT, WITHDRAWN, Register
from app.store.durable_files import locked, replace, sync_tree, write_partial
from app.store.shared_folder import LocalFolder, SharedFolder
from app.store.staging import Staging
from app.store.version import CARD, Card, read_card, verify

ALIASES_FILE = "aliases.json"
TRAFFIC_FILE = "traffic.json"
WITHDRAWN_FILE = "withdrawn.json"
DELETED = ".deleted"  # the highest number that was deleted: no number means two versions, ever
LOCK = ".lock"


class FolderBackend:
    """Versions lie at `<root>/<model>/<version>/`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._staging = Staging(root)

    def __str__(self) -> str:
        return str(self._root)

    def open(self) -> None:
        """A folder is made when something is written."""

    # ---- reading

    def models(self) -> list[str]:
        """The models that have a folder, by name."""
        return sorted(path.name for path in _children(self._root) if path.name[0] != "." and self.numbers(path.name))

    def numbers(self, model: str) -> list[int]:
        """The numbers of a model's versions, sound or not, in order."""
        return sorted(
            int(path.name) for path in _children(self._root / model) if path.name.isdecimal() and path.is_dir()
        )

    def read(self, model: str, version: int) -> Card:
        """The card in a version's folder; raises Damaged."""
        return read_card(self._version_path(model, version))

    def folder(self, card: Card) -> Path:
        """Where a version's files lie."""
        return self._version_path(card.model, card.version)

    def verified_path(self, card: Card) -> Path:
        """Where they lie, every byte compared with the card; raises Damaged."""
        self.verify(card)
        return self.folder(card)

    def verify(self, card: Card) -> None:
        """Compare every byte with the card; raises Damaged."""
        verify(self.folder(card), card)

    def register(self, model: str) -> Register:
        """The aliases and the split of a model, and what was withdrawn."""
        home = self._root / model
        return Register(
            _read_or_none(ALIASES, home / ALIASES_FILE),
            _read_or_none(SPLIT, home / TRAFFIC_FILE),
            _read_or_none(WITHDRAWN, home / WITHDRAWN_FILE) or {},
        )

    # ---- writing

    def change(self, model: str, edit: Callable[[Register], Register]) -> Register:
        """Change the register under the model's lock; the split first, so that a kill in between leaves what was live
        to answer everything. All is written before anything takes its place: where the disk is full, nothing changes.
        """
        home = self._root / model
        with self._lock(model):
            old = self.register(model)
            new = edit(old)
            parts = (
                (WITHDRAWN, home / WITHDRAWN_FILE, old.withdrawn, new.withdrawn),
                (SPLIT, home / TRAFFIC_FILE, old.split, new.split),
                (ALIASES, home / ALIASES_FILE, old.aliases, new.aliases),
            )
            steps = [_prepare_write(kind, path, content) for kind, path, before, content in parts if content != before]
            request_context.commit()
            for step in steps:
                step()
            if steps:
                sync(home)
        return new

    def quarantine(self, model: str) -> None:
        """Rename the file of the aliases."""
        path = self._root / model / ALIASES_FILE
        path.replace(path.with_suffix(".damaged"))
        sync(path.parent)

    def stage(self, owner: str) -> Path:
        """A new folder in `.staging`."""
        return self._staging.make(owner)

    def publish(self, staged: Path, model: str, card: Callable[[int], Card], check: Callable[[Card], None]) -> Card:
        """Card last, all of it on disk, then one rename."""
        home = self._root / model
        make_folder(home)
        with self._lock(model):
            made = card(1 + max([self._deleted(model), *self.numbers(model)]))
            check(made)
            replace(staged / CARD, made.model_dump_json(indent=1).encode())
            sync_tree(staged)
            request_context.commit()
            staged.rename(home / str(made.version))
            sync(home)
        return made

    def remove(self, model: str, version: int, check: Callable[[Register], None]) -> None:
        """Remember the number, move the version out of sight, then delete its files."""
        with self._lock(model):
            check(self.register(model))
            request_context.commit()
            replace(self._root / model / DELETED, str(max(self._deleted(model), version)).encode())
            trash = self.stage("deleted")
            self._version_path(model, version).rename(trash / str(version))
            sync(self._root / model)
        shutil.rmtree(trash)

    def remove_all(self, model: str) -> None:
        """Forget the register, then move every version out of sight, then delete the files: a kill in between leaves
        versions without an alias, which are to be deleted again.
        """
        home = self._root / model
        with self._lock(model):
            numbers = self.numbers(model)
            request_context.commit()
            replace(home / DELETED, str(max([self._deleted(model), *numbers])).encode())
            for name in (ALIASES_FILE, TRAFFIC_FILE, WITHDRAWN_FILE):
                (home / name).unlink(missing_ok=True)
            trash = self.stage("deleted")
            for number in numbers:
                self._version_path(model, number).rename(trash / str(number))
            sync(home)
        shutil.rmtree(trash)

    def discard(self, owner: str) -> None:
        """Remove what `owner` staged and did not publish."""
        self._staging.discard(owner)

    def sweep(self, owners: Collection[str]) -> None:
        """Remove the staged folders of everybody but these: who writes here has a job in the journal beside it."""
        self._staging.sweep(owners)

    def seed_lock(self) -> AbstractContextManager[None]:
        """The lock of the whole store."""
        return locked(self._root / LOCK)

    def shared(self, name: str) -> SharedFolder:
        """A folder in the store's."""
        return LocalFolder(self._root / name)

    def shared_names(self, name: str) -> list[str]:
        """The folders in such a one."""
        return sorted(path.name for path in _children(self._root / name) if path.is_dir())

    # ---- inside

    def _version_path(self, model: str, version: int) -> Path:
        return self._root / model / str(version)

    def _deleted(self, model: str) -> int:
        try:
            return int((self._root / model / DELETED).read_bytes())
        except (FileNotFoundError, ValueError):
            return 0

    def _lock(self, model: str) -> AbstractContextManager[None]:
        return locked(self._root / model / LOCK)


def _read_or_none(kind: TypeAdapter[Any], path: Path) -> Any:
    """What a file holds: nothing when there is no file, None when it cannot be understood."""
    try:
        return kind.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError:
        return None


def _prepare_write(kind: TypeAdapter[Any], path: Path, content: Mapping[Any, Any] | None) -> Callable[[], object]:
    """Write the content beside the file; returns what puts it in the file's place. Without content there is none."""
    if not content:
        return partial(path.unlink, missing_ok=True)
    beside = write_partial(path, kind.dump_json(dict(sorted(content.items())), indent=1))
    return partial(beside.replace, path)


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
