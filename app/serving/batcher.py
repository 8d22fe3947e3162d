"""The batcher: one bounded queue before one loaded version, and batches that form only while it is busy.

Work-conserving, as Triton's dynamic batcher with no delay: when nothing runs, everything that waits runs now; while a
batch runs, requests gather. There is no timer.
"""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from opentelemetry.context import Context

from app import metrics, tracing
from app.errors import Busy, Runaway, TooLarge
from app.serving.loop_scheduler import LoopScheduler, Step

Instance = TypeVar("Instance")
Output = TypeVar("Output")

# since when, and in which trace
QueuedInstance: TypeAlias = tuple[Instance, asyncio.Future[Output], float, Context | None]

MAX_LOOP_SECONDS = 5e-3  # for which batches that run on the loop may hold it at any time


@dataclass(frozen=True)
class Cost:
    """Seconds that a batch takes, as a line through two measured sizes."""

    fixed: float = 1.0
    each: float = 0.0

    def __call__(self, size: int) -> float:
        return self.fixed + self.each * size


@dataclass
class Statistics:
    """What one loaded version has predicted since it was loaded: instances and batches counted, times summed in
    seconds; `batches` and `batch_seconds` are by the batch's size.
    """

    succeeded: int = 0
    succeeded_seconds: float = 0.0
    failed: int = 0
    failed_seconds: float = 0.0
    queue_seconds: float = 0.0
    predict_seconds: float = 0.0
    last: float = 0.0  # seconds since the epoch, 0 when there was none
    batches: Counter[int] = field(default_factory=Counter)
    batch_seconds: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))

    def record(self, arrivals: Iterable[float], taken: float, now: float, *, failed: bool) -> None:
        """Count a batch, by the times at which its instances arrived, at which it began, and at which it ended."""
        waits = [taken - since for since in arrivals]
        total = sum(waits) + len(waits) * (now - taken)
        self.last = time.time()
        if failed:
            self.failed += len(waits)
            self.failed_seconds += total
            return
        self.succeeded += len(waits)
        self.succeeded_seconds += total
        self.queue_seconds += sum(waits)
        self.predict_seconds += len(waits) * (now - taken)
        self.batches[len(waits)] += 1
        self.batch_seconds[len(waits)] += now - taken


def ignore_latency(seconds: float) -> None:
    """Nobody wants to know how long it took."""


def ignore_runaway(fault: Runaway) -> None:
    """Nobody takes the version out of service."""


class Batcher(Generic[Instance, Output]):
    """Turns single instances into batches for `predict`. Everything but `predict` runs on the event loop.

    `on_latency` is told the seconds of every instance, from its arrival to its output; `on_runaway` that a batch ran
    for too long. Networks that are not trusted to return run `off_loop`, in the executor, however little they cost.
    """

    def __init__(
        self,
        predict: Callable[[Sequence[Instance]], Sequence[Output]],
        executor: Executor,
        *,
        max_batch: int,
        max_queue_size: int,
        cost: Cost,
        on_latency: Callable[[float], None] = ignore_latency,
        on_runaway: Callable[[Runaway], None] = ignore_runaway,
        off_loop: bool = False,
    ) -> None:
        self._on_latency = on_latency
        self._on_runaway = on_runaway
        self._predict = predict
        self.max_batch = max_batch
        self._max_queue_size = max_queue_size
        self._cost = cost
        self._waiting: deque[QueuedInstance[Instance, Output]] = deque()
        self._scheduler = LoopScheduler(executor, off_loop=off_loop, min_seconds=MAX_LOOP_SECONDS)
        self.statistics = Statistics()

    @property
    def waiting(self) -> int:
        """How many instances wait."""
        return len(self._waiting)

    def check_room(self, number: int = 1) -> None:
        """Raise Busy when so many instances would be refused now, sooner than what they cost to decode; TooLarge when
        they always would.
        """
        if number > self._max_queue_size:
            raise TooLarge(f"{number} instances in one request; at most {self._max_queue_size} are accepted")
        if len(self._waiting) + number > self._max_queue_size:
            raise Busy("too many predictions are waiting", retry_after=max(1, self._cost(len(self._waiting))))

    def submit(self, instances: Sequence[Instance]) -> list[asyncio.Future[Output]]:
        """Queue instances; all of them or, raising Busy or TooLarge at once, none. A cancelled future is never
        predicted.
        """
        self.check_room(len(instances))
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in instances]
        now, parent = time.perf_counter(), tracing.current_context()
        self._waiting.extend((one, future, now, parent) for one, future in zip(instances, futures, strict=True))
        self._scheduler.wake(self._next_step)
        return futures

    def _next_step(self) -> Step[Sequence[Output] | Exception] | None:
        """The prediction of a batch of what waits."""
        batch = self._take()
        if not batch:
            return None
        settle = partial(self._settle, batch, time.perf_counter())
        return Step(self._cost(len(batch)), partial(_attempt, self._predict, batch), settle)

    def _take(self) -> list[QueuedInstance[Instance, Output]]:
        batch: list[QueuedInstance[Instance, Output]] = []
        while self._waiting and len(batch) < self.max_batch:
            waiting = _, future, since, _ = self._waiting.popleft()
            if not future.done():  # the caller left
                metrics.queue_duration.observe(time.perf_counter() - since)
                batch.append(waiting)
        return batch

    def _settle(
        self, batch: Sequence[QueuedInstance[Instance, Output]], taken: float, outcome: Sequence[Output] | Exception
    ) -> None:
        if isinstance(outcome, Runaway):
            self._on_runaway(outcome)
        now = time.perf_counter()
        arrivals = (since for _, _, since, _ in batch)
        self.statistics.record(arrivals, taken, now, failed=isinstance(outcome, Exception))
        for position, (_, future, since, parent) in enumerate(batch):
            if parent is not None:
                tracing.record_span(parent, "queue", since, taken)
                tracing.record_span(parent, "predict", taken, now, batch=len(batch))
            if future.done():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome[position])
                self._on_latency(now - since)


def _attempt(
    predict: Callable[[Sequence[Instance]], Sequence[Output]], batch: Sequence[QueuedInstance[Instance, Output]]
) -> Sequence[Output] | Exception:
    """The outputs of a batch, or the exception that is all its callers' to hear, and nobody else's."""
    metrics.batch_size.observe(len(batch))
    try:
        with metrics.predict_duration.time():
            outputs = predict([instance for instance, *_ in batch])
        if len(outputs) != len(batch):
            raise RuntimeError(f"{len(batch)} instances gave {len(outputs)} outputs")
    except Exception as fault:
        return fault
    return outputs
