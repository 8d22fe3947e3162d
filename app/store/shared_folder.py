"""Folders that every node of a store finds: the texts that came with requests, and the logs and checkpoints of jobs."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from app.paths import JOBS

CHECKPOINT = "checkpoint-"  # what the names of checkpoints begin with


class SharedFolder(Protocol):
    """A flat folder of files. Whoever writes one to `path` then shares it, for those on other nodes to find."""

    @property
    def path(self) -> Path:
        """Where the files are, or come to be, on this machine; it need not exist."""

    def names(self) -> list[str]:
        """The files that are here or were shared, in order."""

    def upload(self, name: str) -> None:
        """Let every node find a file, as a whole; raises Unavailable."""

    def find(self, name: str) -> Path | None:
        """Where a file is on this machine, after it was fetched if need be; None when there is none."""

    def remove(self, name: str) -> None:
        """Remove a file for everybody, if it is there."""

    def tailing_upload(self, name: str) -> AbstractContextManager[None]:
        """Within it, what is added to a file here can be read everywhere soon."""

    def read(self, name: str, begin: int, most: int) -> bytes:
        """What was added to a growing file, on whatever node, from the byte `begin` on."""

    def clear(self) -> None:
        """Remove the folder with all its files for everybody."""


class LocalFolder:
    """A folder that every node sees as it is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """The files in it."""
        return sorted(path.name for path in self.path.iterdir() if path.is_file()) if self.path.is_dir() else []

    def upload(self, name: str) -> None:
        """What is here is shared."""

    def find(self, name: str) -> Path | None:
        """The file."""
        path = self.path / name
        return path if path.is_file() else None

    def remove(self, name: str) -> None:
        """Remove the file."""
        (self.path / name).unlink(missing_ok=True)

    def size(self, name: str) -> int:
        """The bytes of a file; 0 when there is none."""
        path = self.path / name
        return path.stat().st_size if path.exists() else 0

    def tailing_upload(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002  the port's
        """What is here is shared."""
        return nullcontext()

    def read(self, name: str, begin: int, most: int) -> bytes:
        """At most so many bytes of the file."""
        try:
            with (self.path / name).open("rb") as file:
                file.seek(begin)
                return file.read(most)
        except FileNotFoundError:
            return b""

    def clear(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)


class JobFolders:
    """What jobs leave beside the versions: a folder each, with its log and, until it has ended, its checkpoints."""

    def __init__(self, names: Callable[[str], list[str]], folder: Callable[[str], SharedFolder]) -> None:
        self._names = names
        self._folder = folder

    def jobs(self) -> list[str]:
        """The jobs that have left something."""
        return self._names(JOBS)

    def of(self, job: str) -> SharedFolder:
        """The folder of one job."""
        return self._folder(f"{JOBS}/{job}")

    def forget_checkpoints(self, job: str) -> None:
        """Remove the checkpoints of a job, and leave its log."""
        folder = self.of(job)
        for name in folder.names():
            if name.startswith(CHECKPOINT):
                folder.remove(name)

    def forget(self, job: str) -> None:
        """Remove all that a job has left."""
        self.of(job).clear()
