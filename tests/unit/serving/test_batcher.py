"""The batcher: batches form while it is busy, and nobody pays for a neighbour."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import Busy, Runaway
from app.serving.batcher import Batcher, Cost
from app.serving.loop_scheduler import THREAD_HOP_SECONDS
from tests.fakes import doubled

pytestmark = pytest.mark.anyio

CHEAP = Cost(fixed=0.0)
DEAR = Cost(fixed=10 * THREAD_HOP_SECONDS)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


class Gate:
    """A predictor that waits until it is opened, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.opened = threading.Event()

    def __call__(self, instances: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(instances))
        assert self.opened.wait(10)
        return doubled(instances)


async def settle() -> None:
    """Let the loop and the thread do what they can."""
    for _ in range(5):
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("cost", [CHEAP, DEAR])
async def test_outputs_come_back_in_the_order_of_their_instances(executor: ThreadPoolExecutor, cost: Cost):
    batcher = Batcher(doubled, executor, max_batch=4, max_queue_size=100, cost=cost)
    assert await asyncio.gather(*batcher.submit(range(50))) == [2 * number for number in range(50)]


@pytest.mark.parametrize("cost", [CHEAP, DEAR])
async def test_a_lone_instance_runs_at_once(executor: ThreadPoolExecutor, cost: Cost):
    batcher = Batcher(doubled, executor, max_batch=4, max_queue_size=100, cost=cost)
    for number in range(3):
        (future,) = batcher.submit([number])
        assert await asyncio.wait_for(future, 1) == 2 * number


async def test_instances_gather_while_a_batch_runs_and_then_go_together(executor: ThreadPoolExecutor):
    gate = Gate()
    batcher = Batcher(gate, executor, max_batch=4, max_queue_size=100, cost=DEAR)
    first = batcher.submit([0])
    await settle()
    rest = [future for number in range(1, 7) for future in batcher.submit([number])]
    gate.opened.set()
    assert await asyncio.gather(*first, *rest) == [0, 2, 4, 6, 8, 10, 12]
    assert gate.batches == [[0], [1, 2, 3, 4], [5, 6]]


async def test_a_full_queue_refuses_at_once_and_takes_all_or_nothing(executor: ThreadPoolExecutor):
    gate = Gate()
    batcher = Batcher(gate, executor, max_batch=1, max_queue_size=3, cost=DEAR)
    running = batcher.submit([0])
    await settle()
    waiting = batcher.submit([1, 2])
    with pytest.raises(Busy) as invalid_text:
        batcher.submit([3, 4])
    assert invalid_text.value.retry_after >= 1
    waiting += batcher.submit([5])
    gate.opened.set()
    assert await asyncio.gather(*running, *waiting) == [0, 2, 4, 10]


async def test_a_caller_who_left_is_not_predicted(executor: ThreadPoolExecutor):
    gate = Gate()
    batcher = Batcher(gate, executor, max_batch=8, max_queue_size=100, cost=DEAR)
    running = batcher.submit([0])
    await settle()
    left, stayed = batcher.submit([1, 2])
    left.cancel()
    gate.opened.set()
    await asyncio.gather(*running, stayed)
    assert gate.batches == [[0], [2]]


async def test_a_failed_batch_fails_only_itself(executor: ThreadPoolExecutor):
    def fragile(instances: Sequence[int]) -> Sequence[int]:
        if -1 in instances:
            raise ValueError("broken")
        return doubled(instances)

    batcher = Batcher(fragile, executor, max_batch=2, max_queue_size=100, cost=CHEAP)
    outcomes = await asyncio.gather(*batcher.submit([1, 2, -1, 3, 4]), return_exceptions=True)
    assert [outcomes[0], outcomes[1], outcomes[4]] == [2, 4, 8]
    assert all(isinstance(outcome, ValueError) for outcome in outcomes[2:4])


async def test_a_predictor_that_loses_count_fails_its_batch(executor: ThreadPoolExecutor):
    batcher: Batcher[int, int] = Batcher(lambda _: [], executor, max_batch=2, max_queue_size=100, cost=CHEAP)
    (future,) = batcher.submit([1])
    with pytest.raises(RuntimeError, match="1 instances gave 0 outputs"):
        await future


async def test_networks_that_are_not_trusted_never_run_on_the_loop(executor: ThreadPoolExecutor):
    threads: set[int] = set()

    def predict(instances: Sequence[int]) -> Sequence[int]:
        threads.add(threading.get_ident())
        return doubled(instances)

    batcher = Batcher(predict, executor, max_batch=4, max_queue_size=100, cost=CHEAP, off_loop=True)
    assert await asyncio.gather(*batcher.submit(range(10))) == [2 * number for number in range(10)]
    assert threading.get_ident() not in threads


async def test_whoever_looks_after_the_version_is_told_that_it_ran_away(executor: ThreadPoolExecutor):
    told: list[Runaway] = []

    def predict(_: Sequence[int]) -> Sequence[int]:
        raise Runaway("it ran away")

    batcher = Batcher(predict, executor, max_batch=1, max_queue_size=9, cost=CHEAP, on_runaway=told.append)
    outcomes = await asyncio.gather(*batcher.submit([1, 2]), return_exceptions=True)
    assert outcomes == told
    assert len(told) == 2
