"""Turns: what predicts on the event loop gets as much of it as all else does, and no more."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from app.serving.batcher import Batcher, Cost
from app.serving.generation import Generation
from app.serving.loop_scheduler import THREAD_HOP_SECONDS, LoopScheduler, Step
from app.serving.word_stream import WordOptions
from tests.fakes import TinyGenerator, doubled

pytestmark = [pytest.mark.anyio, pytest.mark.alone]

BUSY_SECONDS = 0.05
STEP_SECONDS = 0.001


class Refusing:
    """All else that there is to do: it takes its time in each turn of the loop."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __aenter__(self) -> "Refusing":
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _work(self) -> None:
        while True:
            begun = time.monotonic()
            time.sleep(BUSY_SECONDS)
            self.seconds.append(time.monotonic() - begun)
            await asyncio.sleep(0)


async def batches(threads: Executor, cost: Cost) -> None:
    """A hundred, which take as long as two turns of all else."""

    def predict(instances: Sequence[int]) -> Sequence[int]:
        time.sleep(STEP_SECONDS)
        return doubled(instances)

    batcher = Batcher(predict, threads, max_batch=1, max_queue_size=100, cost=cost)
    await asyncio.gather(*batcher.submit(range(100)))


async def words(threads: Executor, cost: Cost) -> None:
    """A dozen steps."""
    generator = TinyGenerator()
    generation = Generation(generator, threads, max_batch=1, max_queue_size=1, cost=cost)
    assert len((await generation.submit(generator.read("cab"), WordOptions(9)).done).words) == 9


@pytest.mark.parametrize("work", [batches, words])
@pytest.mark.parametrize("cost", [0.0, 2 * THREAD_HOP_SECONDS], ids=["cheap", "not so cheap"])
async def test_a_busy_loop_leaves_half_of_its_time(work: Callable[[Executor, Cost], Awaitable[None]], cost: float):
    with ThreadPoolExecutor(1) as threads:
        async with Refusing() as refusing:
            await work(threads, Cost(fixed=cost))
    assert len(refusing.seconds) <= 6


async def test_several_take_no_more_than_all_else_each():
    with ThreadPoolExecutor(1) as threads:
        async with Refusing() as refusing:
            held = await asyncio.gather(*(_hold_loop(threads, refusing) for _ in range(3)))
    assert max(map(max, held)) < 2 * max(refusing.seconds)


async def _hold_loop(threads: Executor, refusing: Refusing) -> list[float]:
    """The seconds that a scheduler with more to do than there is time for held the loop, in each of four iterations."""
    held: dict[int, float] = defaultdict(float)

    def next_step() -> Step[None] | None:
        iteration = len(refusing.seconds)
        if len(held) == 4 and iteration not in held:
            return None

        def compute() -> None:
            time.sleep(STEP_SECONDS)
            held[iteration] += STEP_SECONDS

        return Step(0.0, compute, lambda _: None)

    LoopScheduler(threads).wake(next_step)
    while len(held) < 4 or len(refusing.seconds) in held:
        await asyncio.sleep(0)
    return list(held.values())
