"""Memory that is free goes back to the system: glibc would keep what large pictures took, a gigabyte after a burst."""

import ctypes
import sys

MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD
BYTES = 1 << 20  # from here on a block is mapped by itself and unmapped when it is freed; glibc's own bound moves up


def give_back_large_blocks() -> None:
    """Fix that bound for this process; elsewhere than on Linux with glibc nothing happens."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(MMAP_THRESHOLD, BYTES)
