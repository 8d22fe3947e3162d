"""Processes that take turns on one machine, so that its mood is the same for all: one runs, the others stand still."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

SLICE = 10.0  # seconds of one turn
LOOK = 0.05


@dataclass
class Contender:
    """A command, what it has printed, and when it was its turn."""

    name: str
    command: list[str]
    environment: dict[str, str]
    turns: list[tuple[float, float]] = field(default_factory=list)
    output: str = ""
    _process: subprocess.Popen[str] | None = None

    def take_turn(self, seconds: float) -> bool:
        """Run for some seconds; returns whether it has ended. Raises CalledProcessError when it ends badly."""
        begun = time.time()
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                self.command, env=self.environment, stdout=pipe, stderr=subprocess.DEVNULL, text=True
            )
        self._signal(signal.SIGCONT)
        while time.time() < begun + seconds and self._process.poll() is None:
            time.sleep(LOOK)
        self._signal(signal.SIGSTOP)
        self.turns.append((begun, time.time()))
        if self._process.poll() is None:
            return False
        self.output = self._process.communicate()[0]
        if self._process.returncode:
            raise subprocess.CalledProcessError(self._process.returncode, self.command)
        return True

    def spent(self, until: float = float("inf")) -> float:
        """Seconds of its own turns before a moment (since 1970)."""
        return sum(max(0.0, min(end, until) - begin) for begin, end in self.turns)

    def end(self) -> None:
        """Kill what is left."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            for pid in family(self._process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)


def take_turns(contenders: Sequence[Contender]) -> None:
    """Let all run to their ends, turn by turn."""
    running = list(contenders)
    try:
        while running:
            running = [one for one in running if not one.take_turn(SLICE)]
    finally:
        for one in contenders:
            one.end()


def family(pid: int) -> list[int]:
    """A process and all its children."""
    found = [pid]
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in tasks.read_text().split():
                found += family(int(child))
    return found
