"""Work for a caller ends when the caller leaves."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from app.caller import calling
from app.errors import SlowRequest

Outcome = TypeVar("Outcome")


async def while_there(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """The outcome of work that is cancelled when the caller leaves, unless it has committed; the body must have been
    read before.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        waiting = calling.get()
        if not working.done() and (waiting is None or waiting.give_up()):
            raise SlowRequest("the caller left before the answer was there")
        return await working
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
