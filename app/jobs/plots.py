"""Pictures of jobs and sweeps: drawn by child processes, few at once, and once for all who look at the same."""

import asyncio
import json
import sys
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from app.errors import Conflict, FitserveError
from app.jobs.curves import curves_of
from app.jobs.journal import Journal
from app.slots import Slots

Form = Literal["svg", "png"]
Kind = Literal["curves", "trials"]  # what `app.training.drawing` draws
MEDIA_TYPES: dict[Form, str] = {"svg": "image/svg+xml", "png": "image/png"}

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
class Subject:
    """Something to draw. `newest` changes when there may be more to draw than before; it and `content`, which has to
    become JSON, are called in threads.
    """

    kind: Kind
    of: str
    newest: Callable[[], object]
    content: Callable[[], Any]


@dataclass(frozen=True)
class _Drawn:
    """A picture, of what, and what was newest then."""

    newest: object
    content: Any
    picture: bytes


class Plots:
    """Draws, and remembers the pictures until there is more to draw."""

    def __init__(self) -> None:
        self._slots = Slots(AT_ONCE, WAITING, "pictures")
        self._drawn: OrderedDict[tuple[Kind, str, Form], _Drawn] = OrderedDict()
        self._drawings: dict[tuple[Kind, str, Form, object], _Drawing] = {}

    async def plot(self, subject: Subject, form: Form) -> bytes:
        """The picture; raises what its subject raises, or Overloaded."""
        newest = await asyncio.to_thread(subject.newest)
        named = subject.kind, subject.of, form
        drawn = self._drawn.get(named)
        if drawn and drawn.newest == newest:
            self._drawn.move_to_end(named)
            return drawn.picture
        key = *named, newest
        if key not in self._drawings:
            over = partial(self._drawings.pop, key, None)
            self._drawings[key] = _Drawing(self._draw(subject, form, newest), over)
        return await self._drawings[key].picture()

    async def _draw(self, subject: Subject, form: Form, newest: object) -> bytes:
        named = subject.kind, subject.of, form
        async with self._slots.one():
            content = await asyncio.to_thread(subject.content)
            before = self._drawn.get(named)  # progress within an epoch is nothing to draw
            picture = (
                before.picture if before and before.content == content else await draw(subject.kind, content, form)
            )
        self._drawn[named] = _Drawn(newest, content, picture)
        self._drawn.move_to_end(named)
        if len(self._drawn) > REMEMBERED:
            self._drawn.popitem(last=False)
        return picture


def curves(journal: Journal, job: str) -> Subject:
    """Accuracy and loss of a job. What draws them raises NotFound, and Conflict where no epoch has ended yet."""

    def newest() -> int:
        journal.get(job)
        return journal.newest_events([job])[job]

    def content() -> list[dict[str, Any]]:
        if rows := curves_of(journal, job):
            return rows
        raise Conflict("there are no curves yet: no epoch has ended")

    return Subject("curves", job, newest, content)


async def draw(kind: Kind, content: Any, form: Form) -> bytes:
    """The content drawn by a child process, so that matplotlib stays out of this one. Whoever cancels this ends it."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "app.training.drawing", kind, form]
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(SECONDS):
            drawn, errors = await process.communicate(json.dumps(content).encode())
    except TimeoutError:
        raise FitserveError(f"the plot could not be drawn within {SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise FitserveError(f"the plot could not be drawn: {errors.decode(errors='replace')[-500:]}")
    return drawn
