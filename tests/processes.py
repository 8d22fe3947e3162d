"""The trainers of this machine, found and killed by pid."""

import os
import signal
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def trainers(job: str) -> list[int]:
    """The processes that train a job."""
    wanted = f"app.training.main\0{job}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may have ended meanwhile
            if wanted in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def kill(pid: int) -> None:
    """kill -9, whether or not it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def descendants(pids: Iterable[int]) -> set[int]:
    """These processes, their children, and theirs."""
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            children[int(path.read_text().rpartition(")")[2].split()[1])].append(int(path.parent.name))
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        found.add(pid := waiting.pop())
        waiting += children[pid]
    return found
