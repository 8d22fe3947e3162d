"""What the process asks of the system: memory that goes back when it is free, and enough open files."""

import ctypes
import resource
import sys
from contextlib import suppress

MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD
BYTES = 1 << 20  # from here on a block is mapped by itself and unmapped when it is freed; glibc's own bound moves up
OTHER_FILES = 200  # beside connections: libraries, the journal, logs of trainers, versions that are loaded


def return_freed_memory() -> None:
    """Fix that bound for this process; elsewhere than on Linux with glibc nothing happens.

    glibc would keep what large pictures took, a gigabyte after a burst.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(MMAP_THRESHOLD, BYTES)


def allow_connections(number: int) -> None:
    """Raise the limit of open files for so many connections, as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number + OTHER_FILES:
        with suppress(ValueError, OSError):  # macOS has a limit of its own below the one it tells
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, number + OTHER_FILES), hard))
