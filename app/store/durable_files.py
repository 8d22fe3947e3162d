"""Writing so that a kill between any two lines leaves either the old file or the new one."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.disk import make_folder, sync


def sync_tree(folder: Path) -> None:
    """Force a folder and all it holds to disk, from the leaves up."""
    for path in sorted(folder.rglob("*"), reverse=True):
        sync(path)
    sync(folder)


def replace(path: Path, content: bytes) -> None:
    """Put `content` in place of the file at once; readers see the old bytes or the new ones. One writer at a time."""
    write_partial(path, content).replace(path)
    sync(path.parent)


def write_partial(path: Path, content: bytes) -> Path:
    """A file on disk that is ready to take the place of another; returns where it is."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return partial


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the one lock that `path` names among all processes; the system frees it when a process dies."""
    make_folder(path.parent)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
