"""The loop scheduler: runs networks on the event loop or in a thread, and leaves the loop half of its time.

One step in each iteration of the loop would do while iterations are short. Under more requests than can be answered
they are long, since refusing requests takes time too, and the accepted requests would wait without end.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

Outcome = TypeVar("Outcome")

# A thread costs a busy loop this much, as both need Python's lock: what takes less runs on the loop,
THREAD_HOP_SECONDS = 1e-3
THREAD_HOP_FRACTION = 1 / 4  # and so does what takes less than this share of an iteration of the loop


@dataclass(frozen=True, slots=True)
class Step(Generic[Outcome]):
    """One run of a network: `compute`, which raises nothing and takes about so many `seconds`, on the loop or in a
    thread; then `settle` with its outcome, on the loop.
    """

    seconds: float
    compute: Callable[[], Outcome]
    settle: Callable[[Outcome], None]


NextStep: TypeAlias = Callable[[], Step[Any] | None]


class LoopScheduler:
    """Runs steps one after the other; in each iteration of the loop for as long as all else took, or for `min_seconds`
    if that is longer. With `off_loop` every step runs in the executor, however little it costs.

    It holds nothing of its owner while no steps run: a version is released with its last request.
    """

    _busy_seconds: ClassVar[float] = 0.0  # taken by all schedulers: one does not answer the load of another

    def __init__(self, executor: Executor, *, off_loop: bool = False, min_seconds: float = 0.0) -> None:
        self._executor = executor
        self._off_loop = off_loop
        self._min_seconds = min_seconds
        self._running = False
        self._scheduled_at = self._begun = self._pause_seconds = 0.0

    def wake(self, next_step: NextStep) -> None:
        """Run steps until there is none, after all else that is due on the loop; no effect while steps run."""
        if not self._running:
            self._running = True
            self._schedule(next_step)

    def _schedule(self, next_step: NextStep) -> None:
        loop = asyncio.get_running_loop()
        self._scheduled_at = loop.time() - LoopScheduler._busy_seconds
        loop.call_soon(self._run, next_step)

    def _run(self, next_step: NextStep) -> None:
        loop = asyncio.get_running_loop()
        self._begun = loop.time()
        self._pause_seconds = self._begun - LoopScheduler._busy_seconds - self._scheduled_at
        time_up = self._run_steps(next_step)
        LoopScheduler._busy_seconds += loop.time() - self._begun
        if time_up:
            self._schedule(next_step)

    def _run_steps(self, next_step: NextStep) -> bool:
        """Run steps; returns whether there may be more once all else has had its time."""
        while step := next_step():
            if self._off_loop or self._needs_thread(step.seconds):
                self._run_in_executor(step, next_step)
                return False
            step.settle(step.compute())
            if self._is_time_up():
                return True
        self._running = False
        return False

    def _run_in_executor(self, step: Step[Any], next_step: NextStep) -> None:
        loop = asyncio.get_running_loop()

        def settle(outcome: Any) -> None:
            step.settle(outcome)
            self._schedule(next_step)

        done = self._executor.submit(step.compute)
        done.add_done_callback(lambda outcome: loop.call_soon_threadsafe(settle, outcome.result()))

    def _is_time_up(self) -> bool:
        return asyncio.get_running_loop().time() - self._begun >= max(self._min_seconds, self._pause_seconds)

    def _needs_thread(self, seconds: float) -> bool:
        return seconds > max(THREAD_HOP_SECONDS, THREAD_HOP_FRACTION * self._pause_seconds)
