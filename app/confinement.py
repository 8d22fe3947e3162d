"""What confines a child process: it ends with its parent, stays within limits, and leaves the cores to serving."""

import math
import os
import resource
import threading
from contextlib import suppress
from pathlib import Path

EXPENDABLE = "1000"  # to the kernel, when memory runs out


def end_with_parent() -> None:
    """End this process when its standard input ends, as a pipe does with whoever started it, however that died."""

    def wait() -> None:
        while os.read(0, 1 << 16):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def prefer_oom_kill() -> None:
    """Be the first to go when the machine is out of memory, and leave no core dump."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(EXPENDABLE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def lower_priority(niceness: int) -> None:
    """Let processes of a lower niceness, 0 to 19, run first.

    Linux on most desktops and servers shares the cores among sessions first, so niceness counts only within one. A
    process that leads a session therefore sets the niceness of its session as well (sched(7), "The autogroup feature").
    """
    with suppress(OSError):
        os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness))


def limit_memory(number: int) -> None:
    """Let this process take so many bytes beyond what it has by now, its libraries above all.

    Allocations that would take more fail. Only Linux counts all of them as data; elsewhere nothing happens. What is
    only reserved, as by each of many threads, does not count: so not RLIMIT_AS.
    """
    with suppress(OSError, ValueError):
        most = _data() + number
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _data() -> int:
    """Bytes of data that the process has; raises OSError or ValueError elsewhere than on Linux."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise ValueError("the system does not tell")


def limit_seconds(seconds: float) -> None:
    """Let this process use so many seconds of every core; then the kernel ends it."""
    most = math.ceil(seconds * (os.cpu_count() or 1))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
