"""Waiting for what comes to pass, without asking how fast the machine is."""

import time
from collections.abc import Callable
from typing import Any


def until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `holds` returns once it is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return found
