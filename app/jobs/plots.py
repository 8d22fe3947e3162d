"""The curves of jobs as pictures: drawn by child processes, few at once, and once for all who look at the same."""

import asyncio
import json
import sys
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from app.errors import Conflict, FitserveError
from app.jobs.curves import curves_of
from app.jobs.journal import Journal
from app.slots import Slots

Form = Literal["svg", "png"]

AT_ONCE = 2
WAITING = 8
REMEMBERED = 64  # pictures, of some 50 kB each
SECONDS = 60.0


class _Drawing:
    """A picture being drawn, for as long as anybody waits for it; then `over` is called."""

    def __init__(self, drawing: Coroutine[Any, Any, bytes], over: Callable[[], object]) -> None:
        self._task = asyncio.create_task(drawing)
        self._over = over
        self._callers = 0

    async def picture(self) -> bytes:
        self._callers += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._callers -= 1
            if not self._callers:
                self._task.cancel()
                self._over()


@dataclass(frozen=True)
class _Drawn:
    """A picture, of what, and the job's newest event then."""

    newest: int
    rows: Sequence[dict[str, Any]]
    picture: bytes


class Plots:
    """Draws the curves of a job, and remembers the pictures until the job's events say that there is more to draw."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._slots = Slots(AT_ONCE, WAITING, "pictures")
        self._drawn: OrderedDict[tuple[str, Form], _Drawn] = OrderedDict()
        self._drawings: dict[tuple[str, Form, int], _Drawing] = {}

    async def plot(self, job: str, form: Form) -> bytes:
        """The picture; raises NotFound, Conflict where no epoch has ended yet, or Overloaded."""
        newest = await asyncio.to_thread(self._newest, job)
        drawn = self._drawn.get((job, form))
        if drawn and drawn.newest == newest:
            self._drawn.move_to_end((job, form))
            return drawn.picture
        key = job, form, newest
        if key not in self._drawings:
            over = partial(self._drawings.pop, key, None)
            self._drawings[key] = _Drawing(self._draw(job, form, newest), over)
        return await self._drawings[key].picture()

    def _newest(self, job: str) -> int:
        self._journal.get(job)
        return self._journal.newest_events([job])[job]

    async def _draw(self, job: str, form: Form, newest: int) -> bytes:
        async with self._slots.one():
            rows = await asyncio.to_thread(curves_of, self._journal, job)
            before = self._drawn.get((job, form))  # progress within an epoch is nothing to draw
            picture = before.picture if before and before.rows == rows else await draw(rows, form)
        self._drawn[job, form] = _Drawn(newest, rows, picture)
        self._drawn.move_to_end((job, form))
        if len(self._drawn) > REMEMBERED:
            self._drawn.popitem(last=False)
        return picture


async def draw(rows: Sequence[dict[str, Any]], form: Form) -> bytes:
    """The rows drawn by a child process, so that matplotlib stays out of this one; raises Conflict without any rows.

    Whoever cancels this ends the process.
    """
    if not rows:
        raise Conflict("there are no curves yet: no epoch has ended")
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "app.training.drawing", form]
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(SECONDS):
            drawn, told = await process.communicate(json.dumps(rows).encode())
    except TimeoutError:
        raise FitserveError(f"the curves could not be drawn within {SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise FitserveError(f"the curves could not be drawn: {told.decode(errors='replace')[-500:]}")
    return drawn
