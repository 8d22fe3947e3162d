"""A network from elsewhere, run in a process of its own: what it does there, it does to nobody else."""

import subprocess
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.errors import Damaged, Runaway, RunFailed
from app.families.contract import Array
from app.serving.runtimes.signatures import outputs_of
from app.serving.runtimes.tensor_stream import read_arrays, write_arrays
from app.store.version import Card
from app.watchdog import Watchdog

WORKER = "app.serving.runtimes.inference_worker"
START_SECONDS = 60.0  # to load libraries, on a busy machine, and the network


class InferenceProcess:
    """One network in one process, which has so much memory and is killed when a run takes longer than it may.

    Meant for one thread at a time, and never for the event loop. The process ends when nobody holds this any more.
    """

    def __init__(self, folder: Path, card: Card, threads: int, memory: int, watchdog: Watchdog) -> None:
        self._card = card
        self._memory = memory
        self._watchdog = Watchdog(START_SECONDS)
        self._overran = False
        self._outputs = [*outputs_of(card), *([card.features] if card.features else [])]
        names = [one.name for one in self._outputs]  # whatever else the network gives
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                WORKER,
                str(folder),
                str(threads),
                str(memory),
                *names,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C on the terminal is not for it
        )
        weakref.finalize(self, _end, self._process)
        try:
            self._answer({}, {})
        except RuntimeError as fault:
            raise Damaged(f"the network of version {card.version} of {card.model} cannot be loaded: {fault}") from fault
        self._watchdog = watchdog

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Named arrays in, named arrays out; raises Runaway once the process is gone, RunFailed when a run fails."""
        rows = len(inputs[self._card.input.name])
        expected = {one.name: np.empty((rows, *one.shape[1:]), one.dtype) for one in self._outputs}
        try:
            return self._answer(inputs, expected)
        except RuntimeError as fault:
            raise RunFailed(
                f"the network of version {self._card.version} of {self._card.model} fails on what it was given: {fault}"
            ) from fault

    def _answer(self, inputs: Mapping[str, Array], expected: Mapping[str, Array]) -> Mapping[str, Array]:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:  # never, as both are pipes
            raise RuntimeError("the process has no pipes")
        run = self._watchdog.begin(self._stop)
        try:
            if inputs:
                write_arrays(requests, inputs)
            return read_arrays(answers, expected)
        except (EOFError, OSError, ValueError, KeyError, TypeError) as fault:
            _end(self._process)
            raise Runaway(self._reason(fault)) from fault
        finally:
            self._watchdog.end(run)

    def _stop(self) -> None:
        self._overran = True
        self._process.kill()

    def _reason(self, fault: Exception) -> str:
        subject = f"version {self._card.version} of {self._card.model} is out of service: a run of its network"
        if self._overran:
            return f"{subject} took more than {self._watchdog.seconds:g} s"
        if isinstance(fault, EOFError | OSError):
            code = self._process.returncode
            return f"{subject} ended its process with {code}; it may take {self._memory / 1e6:.0f} MB of memory"
        return f"{subject} gave something else than its card says"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            try:
                pipe.close()
            except OSError:  # what was not sent yet
                continue
