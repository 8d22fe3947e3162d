"""Nobody takes it all: a rate and a number of requests at once for each caller (a key, or an address), and for all."""

import time
from collections import Counter, OrderedDict

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Busy, Overloaded
from app.web.middleware.http import HttpMiddleware
from app.web.middleware.limits import SMALL_BYTES
from app.web.problems import send_problem
from app.web.server.framing import MAX_DIGITS

REMEMBERED = 10_000  # callers; who was not seen for longest is forgotten first


class AdmissionControl(HttpMiddleware):
    """Middleware behind the guard. Health is never refused."""

    def __init__(self, app: ASGIApp, max_rate: float, max_concurrent: int, max_requests: int) -> None:
        super().__init__(app)
        self._max_concurrent = max_concurrent
        self._max_requests = max_requests
        self._total_running = 0
        self._token_buckets = TokenBuckets(max_rate) if max_rate else None
        self._running: Counter[str] = Counter()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse at once."""
        if scope["path"].startswith("/health/"):
            await self._app(scope, receive, send)
            return
        caller = scope.get("key") or (scope["client"] or ("",))[0]
        try:
            self._admit(caller)
        except Busy as fault:
            await send_problem(send, fault, close=not _is_small(scope))  # a new connection costs more than the rest
            return
        self._running[caller] += 1
        self._total_running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._total_running -= 1
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]

    def _admit(self, caller: str) -> None:
        if self._total_running >= self._max_requests:
            raise Overloaded(f"more than {self._max_requests} concurrent requests of all clients; try again later")
        if self._running[caller] >= self._max_concurrent:
            raise Busy(
                f"more than {self._max_concurrent} concurrent requests of one client; "
                "wait for responses before sending more"
            )
        if self._token_buckets and (wait := self._token_buckets.acquire(caller, time.monotonic())):
            raise Busy(f"more than {self._token_buckets.rate:g} requests a second", retry_after=wait)


def _is_small(scope: Scope) -> bool:
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return length.isdigit() and len(length) <= MAX_DIGITS and int(length) <= SMALL_BYTES


class TokenBuckets:
    """A bucket of tokens for each caller: it holds what a second brings, at least one, and is full at first."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._size = max(1.0, rate)
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def acquire(self, caller: str, now: float) -> float:
        """Take a token; returns 0, or the seconds until there is one."""
        level, then = self._levels.pop(caller, (self._size, now))
        level = min(self._size, level + (now - then) * self.rate)
        taken = level >= 1
        self._levels[caller] = (level - taken, now)
        if len(self._levels) > REMEMBERED:
            self._levels.popitem(last=False)
        return 0.0 if taken else (1 - level) / self.rate
