"""What this machine has fetched of a bucket's versions: whole, bounded, and shared by its processes."""

import os
import shutil
import time
from pathlib import Path

from app.disk import make_folder, sync
from app.errors import Damaged
from app.store.durable_files import locked, sync_tree
from app.store.staging import Staging
from app.store.version import CARD, Card, read_card

IN_USE_SECONDS = 600.0  # who asked for a version reads it within that time, so it stays


class VersionCache:
    """Versions at `<root>/<model>/<version>/`, as in a store's folder. Each comes and goes by one rename."""

    def __init__(self, root: Path, staging: Staging, max_bytes: int) -> None:
        self._root = root
        self._staging = staging
        self._max_bytes = max_bytes

    def find(self, card: Card) -> Path | None:
        """Where a version is, if it is here, and here is the one that the card means."""
        folder = self._root / card.model / str(card.version)
        try:
            if read_card(folder) != card:
                return None
            os.utime(folder / CARD)
        except (Damaged, FileNotFoundError):
            return None
        return folder

    def take(self, staged: Path, card: Card) -> Path:
        """Give a whole version its place, and remove the longest unused while there are too many bytes."""
        with locked(self._root / ".lock"):
            found = self.find(card)  # somebody else was quicker
            if found is None:
                folder = self._root / card.model / str(card.version)
                self._trash(folder)
                make_folder(folder.parent)
                sync_tree(staged)
                staged.rename(folder)
                sync(folder.parent)
                self._make_room()
                return folder
        shutil.rmtree(staged, ignore_errors=True)
        return found

    def drop(self, model: str, version: int) -> None:
        """Remove a version, if it is here."""
        with locked(self._root / ".lock"):
            self._trash(self._root / model / str(version))

    def _make_room(self) -> None:
        cards = sorted(self._root.glob(f"[!.]*/*/{CARD}"), key=lambda path: path.stat().st_mtime)
        sizes = {path.parent: _size(path.parent) for path in cards}
        total, now = sum(sizes.values()), time.time()
        for path in cards:
            if total <= self._max_bytes or abs(now - path.stat().st_mtime) < IN_USE_SECONDS:
                return
            total -= sizes[path.parent]
            self._trash(path.parent)

    def _trash(self, folder: Path) -> None:
        """Move a folder out of sight, then delete it."""
        if folder.exists():
            trash = self._staging.make("dropped")
            folder.rename(trash / folder.name)
            shutil.rmtree(trash, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
