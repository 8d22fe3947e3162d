"""What a child process gives up for whoever started it."""

import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
LOWERED = """
import os
from app.confinement import lower_priority
from tests.unit.test_confinement import session_niceness
lower_priority(7)
print(os.nice(0), session_niceness())
"""


def session_niceness() -> str:
    """The niceness of this process's session; "none" without one, as in the session of the first process (empty)."""
    words = AUTOGROUP.read_text().split() if AUTOGROUP.exists() else []
    return words[-1] if words else "none"


def lowered(*, leads: bool) -> list[str]:
    """The niceness of a process that lowers its priority, and that of its session."""
    command = [sys.executable, "-c", LOWERED]
    return subprocess.run(command, check=True, capture_output=True, text=True, start_new_session=leads).stdout.split()


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="the system shares its cores among processes, not sessions")
def test_a_process_that_leads_a_session_lowers_the_priority_of_its_session() -> None:
    assert lowered(leads=True) == ["7", "7"]


def test_another_process_leaves_the_session_of_its_parent_as_it_is() -> None:
    assert lowered(leads=False) == ["7", session_niceness()]
