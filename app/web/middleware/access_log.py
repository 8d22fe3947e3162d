"""Every request is seen: it has an id, is counted and timed, and leaves a line in the log."""

import os
import re
import time
from functools import lru_cache

from prometheus_client import Counter, Histogram
from starlette.types import Message, Receive, Scope, Send

from app import metrics
from app.errors import FitserveError
from app.logging import log, request_id
from app.tracing import annotate
from app.web.middleware.http import HttpMiddleware
from app.web.problems import send_problem

HEADER = b"x-request-id"
ID = re.compile(rb"[\w.:+/=@-]{1,128}")  # of a client: any other is replaced, for it goes into logs and headers
QUIET = re.compile(r"/health/\w+|/metrics")  # asked every few seconds by machines: told at DEBUG only
UNEXPECTED = "something went wrong here; the log of the service says what"
REMEMBERED = 1000
LONGEST_PATH = 300  # characters of the client's own that the log has


class AccessLog(HttpMiddleware):
    """Middleware around all that works on a request; every answer tells its id as `X-Request-ID`.

    An exception that comes so far is logged, and answered as a problem unless an answer has begun.
    """

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch the status go by."""
        status = 0
        identity = _identity(scope)
        request_id.set(name := identity.decode())  # in the context of this request's task, which ends with it
        trace = annotate(request=name)

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, identity)]
            await send(message)

        begun = time.perf_counter()
        try:
            await self._app(scope, receive, send_observed)
        except Exception as fault:
            if status:
                raise
            log.error("request failed", path=scope["path"][:LONGEST_PATH], exc_info=fault)
            await send_problem(send_observed, FitserveError(UNEXPECTED))
        finally:
            _log_request(scope, status, time.perf_counter() - begun, trace)


def _identity(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == HEADER and ID.fullmatch(value):
            given: bytes = value
            return given
    return os.urandom(8).hex().encode()


def _log_request(scope: Scope, status: int, seconds: float, trace: str | None) -> None:
    route = getattr(scope.get("route"), "path_format", "none")  # never a path of the client's making
    timed, counted = _series_of(scope["method"], route, status)
    timed.observe(seconds)
    counted.inc()
    write = log.debug if QUIET.fullmatch(route) else log.info
    also = {"job": scope.get("path_params", {}).get("job"), "trace": trace}
    facts = {name: value for name, value in also.items() if value}
    method, key = scope["method"], scope.get("key")
    write("request", method=method, route=route, status=status, seconds=round(seconds, 6), key=key, **facts)


@lru_cache(REMEMBERED)
def _series_of(method: str, route: str, status: int) -> tuple[Histogram, Counter]:
    """Where such a request is counted: looking it up by its labels takes longer than counting."""
    return metrics.request_duration.labels(route), metrics.requests.labels(method, route, status)
