"""Files that come with requests: kept under lasting names, and removed again unless something was queued with them."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from app.datasets.datasets import Datasets
from app.errors import Unavailable
from app.jobs.database import Database
from app.jobs.usage import unless_used
from app.logging import log
from app.request_context import current_caller

Content = TypeVar("Content", bytes, Path)

LEFT_SECONDS = 3600.0  # after which a file that nothing was queued with is that of a process that died


class RequestFiles:
    """The files of one request, within which something is queued with them; what raises queues nothing.

    What a kill prevents, `clear` does later.
    """

    def __init__(self, datasets: Datasets, database: Database) -> None:
        self._datasets = datasets
        self._database = database
        self._names: dict[bytes | Path, str] = {}

    def __enter__(self) -> "RequestFiles":
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None) -> None:
        current_caller.set(None)  # what follows is no part of what was asked for
        for name in set(self._names.values()):
            if fault is None:
                self._datasets.settle(name)
            else:
                _forget(self._datasets, self._database, name)

    def keep(self, content: bytes) -> str:
        """Keep a file's content, once however often it is given; returns the name."""
        return self._kept(content, self._datasets.keep)

    def adopt(self, path: Path) -> str:
        """Keep a file that the caller gives away; returns the name."""
        return self._kept(path, self._datasets.adopt)

    def check(self) -> None:
        """Raise Unavailable when somebody removed a file again: another request with the same one was refused."""
        for name in self._names.values():
            if not self._datasets.has(name):
                raise Unavailable("the text was removed by another request with the same text; send this request again")

    def _kept(self, content: Content, keep: Callable[[Content], str]) -> str:
        if content not in self._names:
            self._names[content] = keep(content)
        return self._names[content]


def clear(datasets: Datasets, database: Database) -> None:
    """Remove the files of requests that ended long ago without queueing anything, as those of killed processes."""
    for name, since in datasets.unsettled():
        if abs(time.time() - since) > LEFT_SECONDS:  # a moment to come is one from before the clock was set back
            _forget(datasets, database, name)


def _forget(datasets: Datasets, database: Database, name: str) -> None:
    """Remove a file that nothing was queued with, unless something else is."""
    if not datasets.is_new(name):
        return
    try:
        if unless_used(database, name, partial(datasets.remove, name)):
            log.info("removed a text that nothing was queued with", name=name)
        datasets.settle(name)
    except (Unavailable, OSError) as fault:
        log.warning("a text that nothing was queued with stays for now: %s", fault)
