"""Staging: private folders on this machine in which versions are written, and what is left of them after a kill."""

import fcntl
import os
import shutil
import tempfile
import time
import uuid
import weakref
from collections.abc import Collection
from functools import cached_property
from pathlib import Path

from app.disk import make_folder

STAGING = ".staging"
LIVE_PROCESSES = ".living"  # beside it: a file for each process that writes here, locked as long as it lives
TOKEN = 12  # characters that name such a process


class Staging:
    """The folders under `<root>/.staging`, each named after its owner and its process; no reader looks there."""

    def __init__(self, root: Path) -> None:
        self._folder = root / STAGING
        self._live_processes = root / LIVE_PROCESSES

    def make(self, owner: str) -> Path:
        """A new folder for `owner`."""
        make_folder(self._folder)
        staged = Path(tempfile.mkdtemp(prefix=f"{owner}-{self._token}", dir=self._folder))
        staged.chmod(0o755)  # what is published is for every user of the volume to read
        return staged

    def discard(self, owner: str) -> None:
        """Remove the folders of one owner."""
        for path in self._all():
            if _owner(path) == owner:
                shutil.rmtree(path, ignore_errors=True)

    def sweep(self, owners: Collection[str], age: float = 0.0) -> None:
        """Remove the folders of dead processes, but for those of these owners, and of what has no process those that
        were made at least `age` seconds ago.
        """
        for path in self._all():
            if _owner(path) not in owners and self._is_dead(path, age):
                shutil.rmtree(path, ignore_errors=True)
        for mark in self._live_processes.glob("*"):
            if not self._is_alive(mark.name):
                mark.unlink(missing_ok=True)

    @cached_property
    def _token(self) -> str:
        """The name of this process, whose file is locked from now on until it ends, however it does."""
        while True:
            token = uuid.uuid4().hex[:TOKEN]
            mark = make_folder(self._live_processes) / token
            descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT, 0o644)
            weakref.finalize(self, os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if mark.exists():  # not taken for a dead one's before it was locked
                return token

    def _is_alive(self, token: str) -> bool:
        try:
            with (self._live_processes / token).open() as mark:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _is_dead(self, path: Path, age: float) -> bool:
        token = path.name.rpartition("-")[2][:TOKEN]
        return not self._is_alive(token) and _age(path) >= age

    def _all(self) -> list[Path]:
        return list(self._folder.iterdir()) if self._folder.is_dir() else []


def _owner(path: Path) -> str:
    return path.name.rpartition("-")[0]


def _age(path: Path) -> float:
    """Seconds; of what is from before the clock was set back, too."""
    try:
        return abs(time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return 0.0
