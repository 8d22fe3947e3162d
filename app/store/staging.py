"""Staging: private folders on this machine in which versions are written, and what is left of them after a kill."""

import shutil
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

STAGING = ".staging"


class Staging:
    """The folders under `<root>/.staging`, each named after its owner; no reader looks there."""

    def __init__(self, root: Path) -> None:
        self._folder = root / STAGING

    def make(self, owner: str) -> Path:
        """A new folder for `owner`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f"{owner}-", dir=self._folder))
        staged.chmod(0o755)  # what is published is for every user of the volume to read
        return staged

    def discard(self, owner: str) -> None:
        """Remove the folders of one owner."""
        for path in self._all():
            if _owner(path) == owner:
                shutil.rmtree(path, ignore_errors=True)

    def sweep(self, owners: Collection[str], age: float = 0.0) -> None:
        """Remove the folders of everybody but these owners that were made at least `age` seconds ago."""
        for path in self._all():
            if _owner(path) not in owners and _age(path) >= age:
                shutil.rmtree(path, ignore_errors=True)

    def _all(self) -> list[Path]:
        return list(self._folder.iterdir()) if self._folder.is_dir() else []


def _owner(path: Path) -> str:
    return path.name.rpartition("-")[0]


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
