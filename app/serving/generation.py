"""Generation: many continuations advance by one batched step at a time, and join and leave at any step.

A prompt is read once; from then on only the state is carried, from token to token, so that a word costs one step
however long the text is. While a step is cheap it runs on the event loop, one a turn, or as many as the turn was long.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np

from app.errors import Busy, Runaway, TooLarge
from app.families.contract import Array
from app.families.generation import Generator, Prompt
from app.serving.batch_invariance import InvariantStep
from app.serving.batcher import Cost, ignore_latency, ignore_runaway
from app.serving.loop_scheduler import LoopScheduler, Step
from app.serving.sampling import choose_tokens
from app.serving.sequence import TokenSequence
from app.serving.word_stream import Word, WordGeneration, WordOptions

Stepped: TypeAlias = tuple[Array, list[Array]]
AnySequence = TypeVar("AnySequence", bound=TokenSequence)


def _ignore_word(word: Word) -> None:
    """Nobody wants the words one by one."""


class Generation:
    """Continues prompts with one loaded version. Everything but the step itself runs on the event loop.

    `step` gives a row the same bits whoever else is there; `cost` is what it takes, which its measuring sets anew.
    `on_latency` is told the seconds of every text, from its arrival to its last word; `on_runaway` that a step ran for
    too long. Networks that are not trusted to return step `off_loop`, in the executor, however little they cost.
    """

    def __init__(
        self,
        generator: Generator,
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
        self._generator = generator
        self.step = InvariantStep(generator, max_batch)
        self._max_batch = max_batch
        self._max_queue_size = max_queue_size
        self.cost = cost
        # tokens that cannot follow a finished word
        self._word_continuations = np.flatnonzero(~generator.word_start_mask)
        self._suppressed = list(generator.suppressed_tokens)
        self._waiting: deque[TokenSequence] = deque()
        self._active: list[TokenSequence] = []
        self._states: list[Array] = generator.initial_state(0)  # rows as in `_active`
        self._scheduler = LoopScheduler(executor, off_loop=off_loop)

    @property
    def waiting(self) -> int:
        """How many texts wait to be begun."""
        return len(self._waiting)

    def submit(
        self, prompt: Prompt, options: WordOptions, on_word: Callable[[Word], None] = _ignore_word
    ) -> WordGeneration:
        """Begin a continuation in words as soon as there is room; `on_word` gets each word at once. Raises Busy."""
        return self.begin(WordGeneration(self._generator, prompt, options, on_word))

    def begin(self, sequence: AnySequence) -> AnySequence:
        """Begin a continuation as soon as there is room. Raises Busy."""
        self.check_room()
        if sequence.stopped:  # there is nothing to step for
            sequence.done.set_result(sequence)
            return sequence
        self._waiting.append(sequence)
        self._scheduler.wake(self._next_step)
        return sequence

    def check_room(self, number: int = 1) -> None:
        """Raise Busy when so many texts would be refused now, and TooLarge when they always would."""
        if number > self._max_queue_size:
            raise TooLarge(f"{number} texts in one request; at most {self._max_queue_size} are accepted")
        if len(self._waiting) + number > self._max_queue_size:
            raise Busy("too many texts are waiting to be continued")

    def _next_step(self) -> Step[Stepped | Exception] | None:
        """The next token of every text under way."""
        if not self._gather():
            return None
        tokens = np.array([sequence.token for sequence in self._active], np.int64)
        return Step(self.cost(len(tokens)), partial(_attempt, self.step, tokens, self._states), self._settle)

    def _gather(self) -> bool:
        """Let go of those who have ended or left, and let in those who wait; returns whether anybody is there."""
        staying = [row for row, sequence in enumerate(self._active) if not sequence.done.done()]
        joining: list[TokenSequence] = []
        while self._waiting and len(staying) + len(joining) < self._max_batch:
            sequence = self._waiting.popleft()
            if not sequence.done.done():  # the caller left
                joining.append(sequence)
        if joining or len(staying) < len(self._active):
            self._active = [*(self._active[row] for row in staying), *joining]
            initial = self._generator.initial_state(len(joining))
            self._states = [np.concatenate([old[staying], new]) for old, new in zip(self._states, initial, strict=True)]
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
        for sequence in self._active:
            if not sequence.done.done():
                sequence.done.set_exception(fault)

    def _advance(self, logits: Array) -> None:
        """Give every continuation its token."""
        for row, sequence in enumerate(self._active):
            if sequence.on_logits:
                sequence.on_logits(logits[row])
            if sequence.must_start_word and not sequence.reads_prompt:
                logits[row, self._word_continuations] = -np.inf
        logits[:, self._suppressed] = -np.inf
        tokens = self._chosen(logits)
        for row, sequence in enumerate(self._active):
            if sequence.reads_prompt:
                sequence.advance_prompt()
            else:
                sequence.take(tokens[row], logits[row])
            if sequence.stopped and not sequence.done.done():
                sequence.done.set_result(sequence)
                self._on_latency(time.perf_counter() - sequence.arrived_at)

    def _chosen(self, logits: Array) -> list[int]:
        """A token for each row: the likeliest, or as its request wishes."""
        tokens: list[int] = logits.argmax(axis=1).tolist()
        rows = [row for row, sequence in enumerate(self._active) if not (sequence.is_greedy or sequence.reads_prompt)]
        if rows:
            drawing = [self._active[row] for row in rows]
            chosen = choose_tokens(
                logits[rows],
                [sequence.sampling for sequence in drawing],
                [sequence.history for sequence in drawing],
                [sequence.rng for sequence in drawing],
            )
            for row, token in zip(rows, chosen, strict=True):
                tokens[row] = token
        return tokens


def _attempt(step: InvariantStep, tokens: Array, states: Sequence[Array]) -> Stepped | Exception:
    """One step, or the exception that everybody in it hears."""
    try:
        return step(tokens, states)
    except Exception as fault:
        return fault
