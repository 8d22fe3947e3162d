"""Turns on the event loop: what predicts there takes as much of it as all else does, however much that is.

One batch a turn would do while turns are short. Under more requests than can be answered a turn is long, since refusing
them takes time too, and those that were accepted would wait for ever.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import ClassVar, TypeVar

Outcome = TypeVar("Outcome")

# what a thread costs a busy loop, by waiting for Python's lock; what takes less runs on the loop,
THREAD_HOP_SECONDS = 1e-3
THREAD_HOP_FRACTION = 1 / 4  # and so does what takes less than this of a turn: a thread, too, is given one batch a turn


class LoopScheduler:
    """Turns of one that predicts; `min_seconds` is how many seconds it may hold the loop in any of them."""

    _busy_seconds: ClassVar[float] = 0.0  # seconds, by all of them: what others hold is no reason to hold it longer

    def __init__(self, min_seconds: float = 0.0) -> None:
        self._min_seconds = min_seconds
        self._scheduled_at = self._begun = self._pause_seconds = 0.0

    def schedule(self, step: Callable[[], bool]) -> None:
        """Run a step when all else that is due has had its turn, and again in the next as long as it returns True."""
        loop = asyncio.get_running_loop()
        self._scheduled_at = loop.time() - LoopScheduler._busy_seconds
        loop.call_soon(self._run, step)

    def run_in_executor(
        self,
        executor: Executor,
        work: Callable[[], Outcome],
        settle: Callable[[Outcome], None],
        step: Callable[[], bool],
    ) -> None:
        """Have a thread do the work, which raises nothing; on the loop settle its outcome, and then ask for a step."""
        loop = asyncio.get_running_loop()

        def settled(outcome: Outcome) -> None:
            settle(outcome)
            self.schedule(step)

        done = executor.submit(work)
        done.add_done_callback(lambda outcome: loop.call_soon_threadsafe(settled, outcome.result()))

    def is_time_up(self) -> bool:
        """Whether the step has had as long as all else had before it."""
        return asyncio.get_running_loop().time() - self._begun >= max(self._min_seconds, self._pause_seconds)

    def needs_thread(self, seconds: float) -> bool:
        """Whether something is better done in a thread, by the seconds it takes."""
        return seconds > max(THREAD_HOP_SECONDS, THREAD_HOP_FRACTION * self._pause_seconds)

    def _run(self, step: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        self._begun = loop.time()
        self._pause_seconds = self._begun - LoopScheduler._busy_seconds - self._scheduled_at
        goes_on = step()
        LoopScheduler._busy_seconds += loop.time() - self._begun
        if goes_on:
            self.schedule(step)
