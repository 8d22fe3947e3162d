"""Trainers as processes of this machine: a fresh interpreter each, in a process group of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.jobs.job import Job
from app.jobs.launchers.launcher import TrainerExit

LOG = "log.txt"
LAST_BYTES = 2000
LAST_LINES = 5


class LocalTrainerHandle:
    """One process and its log."""

    waiting = False

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """The process, which also leads its group."""
        return self._process.pid

    def poll(self) -> TrainerExit | None:
        """How it ended, or None while it runs."""
        code = self._process.poll()
        return None if code is None else TrainerExit.of(code)

    def stop(self, *, force: bool = False) -> None:
        """SIGTERM, or SIGKILL, to the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL if force else signal.SIGTERM)

    def log_tail(self) -> str:
        """The last lines of its log."""
        return last_lines(self._log)


class LocalLauncher:
    """Starts `python -m app.training.main JOB ATTEMPT` with the given environment."""

    detached = False

    def __init__(self, workspace: Path, environment: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._environment = environment

    def launch(self, job: Job) -> LocalTrainerHandle:
        """Start a trainer whose output goes to the log in the job's folder."""
        folder = self._workspace / job.id
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / LOG
        with log.open("ab") as output:
            process = subprocess.Popen(
                trainer_command(job.id, job.attempts),
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return LocalTrainerHandle(process, log)

    def find(self, job: Job) -> None:
        """A process of somebody else's is left alone: it keeps its lease."""


def trainer_command(job: str, attempt: int) -> list[str]:
    """What runs one attempt at a job, in a process of its own."""
    return [sys.executable, "-m", "app.training.main", job, str(attempt)]


def last_lines(log: Path) -> str:
    """The end of a log; nothing where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LAST_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-LAST_LINES:])
