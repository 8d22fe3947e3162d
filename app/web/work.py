"""Work for a caller: it ends when the caller leaves, until it comes to what must be done or not be done."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from app.errors import SlowRequest
from app.web.limits import DEADLINE

Outcome = TypeVar("Outcome")
Parameters = ParamSpec("Parameters")


async def while_there(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """The outcome of work that is cancelled when the caller leaves; the body must have been read before."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise SlowRequest("the caller left before the answer was there")
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def to_the_end(
    request: Request, change: Callable[Parameters, Outcome], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Outcome:
    """The outcome of a change, made in a thread, which nothing calls off: whoever was told that it failed would find it
    made all the same.
    """
    deadline = request.scope.get(DEADLINE)
    if deadline is not None:
        if deadline.expired():
            await asyncio.sleep(0)  # it has cancelled this already
        deadline.reschedule(None)
    making = asyncio.ensure_future(run_in_threadpool(change, *args, **kwargs))
    while not making.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(making)
    return making.result()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
