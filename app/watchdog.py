"""The watchdog: ends runs of networks that take longer than they may, from one thread for all of them."""

import threading
import weakref
from collections.abc import Callable

CHECKS = 10  # of every run, in the time that it may take


class Run:
    """A run under way: how to stop it, and how often it has been looked at."""

    __slots__ = ("checks", "stop")

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop
        self.checks = 0


class Watchdog:
    """Calls `stop` of each run that goes on for longer than `seconds`, at most a tenth earlier or later.

    The time is counted in looks of the watchdog itself, so a machine that was suspended or a process that was paused
    overruns nothing.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._runs: set[Run] = set()
        self._over = threading.Event()
        self._start = threading.Lock()
        self._started = False

    def begin(self, stop: Callable[[], None]) -> Run:
        """Watch a run from now on. `stop` is called from another thread, once."""
        run = Run(stop)
        self._runs.add(run)
        if not self._started:
            self._watch()
        return run

    def end(self, run: Run) -> None:
        """Watch it no longer."""
        self._runs.discard(run)

    def _watch(self) -> None:
        with self._start:
            if self._started:
                return
            self._started = True
        weakref.finalize(self, self._over.set)
        arguments = (self._runs, self.seconds / CHECKS, self._over)
        threading.Thread(target=_look, args=arguments, name="watchdog", daemon=True).start()


def _look(runs: set[Run], pause: float, over: threading.Event) -> None:
    while not over.wait(pause):
        for run in list(runs):
            run.checks += 1
            if run.checks > CHECKS:
                runs.discard(run)
                run.stop()
