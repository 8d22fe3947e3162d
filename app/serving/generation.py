"""Generation: many continuations advance by one batched step at a time, and join and leave at any step.

A prompt is read once; from then on only the state is carried, from token to token, so that a word costs one step
however long the text is. While a step is cheap it runs on the event loop, one a turn, or as many as the turn was long.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeAlias, TypeVar

import numpy as np

from app.errors import Busy, Runaway, TooLarge
from app.families.contract import Array
from app.families.generation import Generator, Prompt
from app.serving.batch_invariance import InvariantStep
from app.serving.batcher import Cost, unheeded, unwatched
from app.serving.loop_scheduler import Turns
from app.serving.sampling import choose
from app.serving.sequence import Continuation
from app.serving.word_stream import Telling, Wish, Word

Stepped: TypeAlias = tuple[Array, list[Array]]
Step: TypeAlias = Callable[[Array, Sequence[Array]], Stepped]
Begun = TypeVar("Begun", bound=Continuation)


def _unheard(word: Word) -> None:
    """Nobody wants the words one by one."""


class Generation:
    """Continues prompts with one loaded version. Everything but the step itself runs on the event loop.

    `step` gives a row the same bits whoever else is there; `cost` is what it takes, which its measuring sets anew.
    `heed` is told the seconds of every text, from its arrival to its last word; `on_runaway` that a step ran for too
    long. Networks that are not trusted to return step `off_loop`, in the executor, however little they cost.
    """

    def __init__(
        self,
        generator: Generator,
        executor: Executor,
        *,
        max_batch: int,
        max_waiting: int,
        cost: Cost,
        heed: Callable[[float], None] = unheeded,
        on_runaway: Callable[[Runaway], None] = unwatched,
        off_loop: bool = False,
    ) -> None:
        self._heed = heed
        self._on_runaway = on_runaway
        self._off_loop = off_loop
        self._generator = generator
        self.step = InvariantStep(generator, max_batch)
        self._executor = executor
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self.cost = cost
        self._stops = np.flatnonzero(~generator.starts)  # tokens that cannot follow a finished word
        self._silent = list(generator.silent)
        self._waiting: deque[Continuation] = deque()
        self._active: list[Continuation] = []
        self._states: list[Array] = generator.blank(0)  # rows as in `_active`
        self._busy = False
        self._turns = Turns()

    @property
    def waiting(self) -> int:
        """How many texts wait to be begun."""
        return len(self._waiting)

    def submit(self, prompt: Prompt, wish: Wish, hear: Callable[[Word], None] = _unheard) -> Telling:
        """Begin a continuation in words as soon as there is room; `hear` gets each word at once. Raises Busy."""
        return self.begin(Telling(self._generator, prompt, wish, hear))

    def begin(self, continuation: Begun) -> Begun:
        """Begin a continuation as soon as there is room. Raises Busy."""
        self.check_room()
        if continuation.stopped:  # there is nothing to step for
            continuation.done.set_result(continuation)
            return continuation
        self._waiting.append(continuation)
        if not self._busy:
            self._busy = True
            self._turns.ask(self._next)
        return continuation

    def check_room(self, number: int = 1) -> None:
        """Raise Busy when so many texts would be refused now, and TooLarge when they always would."""
        if number > self._max_waiting:
            raise TooLarge(f"{number} texts in one request; at most {self._max_waiting} are accepted")
        if len(self._waiting) + number > self._max_waiting:
            raise Busy("too many texts are waiting to be continued")

    def _next(self) -> bool:
        """Steps of everybody who is there; returns whether there are more for the next turn."""
        while self._gather():
            tokens = np.array([continuation.token for continuation in self._active], np.int64)
            step = partial(_attempt, self.step, tokens, self._states)
            if self._off_loop or self._turns.is_long(self.cost(len(tokens))):
                self._turns.ask_after(self._executor, step, self._settle, self._next)
                return False
            self._settle(step())
            if self._turns.is_over():
                return True
        self._busy = False
        return False

    def _gather(self) -> bool:
        """Let go of those who have ended or left, and let in those who wait; returns whether anybody is there."""
        staying = [row for row, continuation in enumerate(self._active) if not continuation.done.done()]
        joining: list[Continuation] = []
        while self._waiting and len(staying) + len(joining) < self._max_batch:
            continuation = self._waiting.popleft()
            if not continuation.done.done():  # the caller left
                joining.append(continuation)
        if joining or len(staying) < len(self._active):
            self._active = [*(self._active[row] for row in staying), *joining]
            blank = self._generator.blank(len(joining))
            self._states = [np.concatenate([old[staying], new]) for old, new in zip(self._states, blank, strict=True)]
        return bool(self._active)

    def _settle(self, outcome: Stepped | Exception) -> None:
        if isinstance(outcome, Exception):
            self._fail(outcome)
        else:
            logits, self._states = outcome
            self._advance(logits)

    def _fail(self, fault: Exception) -> None:
        if isinstance(fault, Runaway):
            self._on_runaway(fault)
        for continuation in self._active:
            if not continuation.done.done():
                continuation.done.set_exception(fault)

    def _advance(self, logits: Array) -> None:
        """Give every continuation its token."""
        for row, continuation in enumerate(self._active):
            if continuation.weigh:
                continuation.weigh(logits[row])
            if continuation.must_start and not continuation.reads:
                logits[row, self._stops] = -np.inf
        logits[:, self._silent] = -np.inf
        tokens = self._chosen(logits)
        for row, continuation in enumerate(self._active):
            if continuation.reads:
                continuation.read_on()
            else:
                continuation.take(tokens[row], logits[row])
            if continuation.stopped and not continuation.done.done():
                continuation.done.set_result(continuation)
                self._heed(time.perf_counter() - continuation.since)

    def _chosen(self, logits: Array) -> list[int]:
        """A token for each row: the likeliest, or as its request wishes."""
        tokens: list[int] = logits.argmax(axis=1).tolist()
        rows = [row for row, continuation in enumerate(self._active) if not (continuation.plain or continuation.reads)]
        if rows:
            drawing = [self._active[row] for row in rows]
            chosen = choose(
                logits[rows],
                [continuation.sampling for continuation in drawing],
                [continuation.past for continuation in drawing],
                [continuation.draw for continuation in drawing],
            )
            for row, token in zip(rows, chosen, strict=True):
                tokens[row] = token
        return tokens


def _attempt(step: Step, tokens: Any, states: Sequence[Array]) -> Stepped | Exception:
    """One step, or the exception that everybody in it hears."""
    try:
        return step(tokens, states)
    except Exception as fault:
        return fault
