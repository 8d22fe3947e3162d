"""The caller of a request: either the answer is given up, or what was asked for is done; never both."""

import threading
from contextvars import ContextVar

from app.errors import TimedOut


class Caller:
    """Somebody who waits for an answer. The first of `give_up` and `commit` decides, from whatever thread."""

    def __init__(self) -> None:
        self._decided = threading.Lock()
        self._given_up = self._committed = False

    def give_up(self) -> bool:
        """Whether the answer may be an error now: what was asked for is not done, and never will be."""
        with self._decided:
            self._given_up = not self._committed
            return self._given_up

    def commit(self) -> None:
        """Call this last before what was asked for becomes lasting; raises TimedOut when the answer was given up."""
        with self._decided:
            if self._given_up:
                raise TimedOut("nobody waits for the answer any more")
            self._committed = True

    def check(self) -> None:
        """Raise TimedOut when the answer was given up: what takes long asks this now and then."""
        if self._given_up:
            raise TimedOut("nobody waits for the answer any more")


# threads that work for a request inherit it
current_caller: ContextVar[Caller | None] = ContextVar("calling", default=None)


def commit() -> None:
    """`Caller.commit` of the request that this is done for, if it is done for one."""
    if caller := current_caller.get():
        caller.commit()


def check() -> None:
    """`Caller.check` of the request that this is done for, if it is done for one."""
    if caller := current_caller.get():
        caller.check()
