"""Limits of one request: its body, refused by its announced length or cut off while it streams, and its time.

FastAPI's own `max_body_size` does the same, but answers in plain text where we promise problem details.
"""

import asyncio
import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Malformed, Overloaded, SlowRequest, TimedOut, TooLarge
from app.request_context import Caller, current_caller
from app.web.middleware.http import HttpMiddleware
from app.web.problems import send_problem
from app.web.server.disconnection import ON_DISCONNECT
from app.web.server.framing import content_length

SMALL_BYTES = 1 << 16  # bodies up to here are bounded by the number of requests
TENSORS = re.compile(r"/v2/models/.*/infer|/v1/models/.*:(predict|classify)")  # where JSON has tensors


class BodyLimit(HttpMiddleware):
    """Middleware; `max_bytes` counts the body of one request, `forms` has other limits for forms, by patterns of their
    paths.

    Tensors in JSON may have `max_tensors`, where that is more.

    What was received of the bodies of all requests under way, but for small ones, has `max_inflight` bytes at most.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, forms: Mapping[str, int], max_inflight: int, max_tensors: int = 0
    ) -> None:
        super().__init__(app)
        self._max_bytes = max_bytes
        self._forms = [(re.compile(pattern), most) for pattern, most in forms.items()]
        self._max_tensors = max_tensors
        self._max_inflight = max_inflight
        self._inflight = 0

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it says that it is too long."""
        headers = dict(scope["headers"])
        try:
            length = content_length(headers[b"content-length"]) if b"content-length" in headers else None
        except Malformed as fault:  # a server other than ours let it through
            await send_problem(send, fault)
            return
        most = self._max_body_bytes(scope["path"], headers)
        if length is None or SMALL_BYTES < length <= most:
            await self._counted(scope, receive, send, most)
        elif length > most:
            await send_problem(send, TooLarge(f"the body has {length} bytes; at most {most} are accepted"))
        else:
            await self._app(scope, receive, send)

    def _max_body_bytes(self, path: str, headers: Mapping[bytes, bytes]) -> int:
        form = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
        if form:
            return next((most for pattern, most in self._forms if pattern.fullmatch(path)), self._max_bytes)
        in_json = TENSORS.fullmatch(path) and b"inference-header-content-length" not in headers
        return max(self._max_bytes, self._max_tensors) if in_json else self._max_bytes

    async def _counted(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        """Pass the request on and count what comes of it, until it is over."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            received += size
            self._inflight += size
            if received > most:
                raise TooLarge(f"the body is larger than the {most} bytes that are accepted")
            if self._inflight > self._max_inflight:
                raise Overloaded("the request bodies in progress exceed the memory limit; try again later")
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._inflight -= received


class Deadline(HttpMiddleware):
    """Middleware; a request and the first byte of its answer take `seconds` at most, and no longer than the caller
    stays. A stream may then go on.

    Once what was asked for is being made lasting, its answer is waited for: the moment is the `Caller`'s to tell.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        super().__init__(app)
        self._seconds = seconds

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cancel what takes too long, and say whose fault it is."""
        receiving = started = False
        caller = Caller()
        current_caller.set(caller)  # in the context of this request's task, which ends with it

        async def watched_receive() -> Message:
            nonlocal receiving
            receiving = True
            message = await receive()
            receiving = False
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started
            if not started:
                started = True
                due.cancel()
            await send(message)

        def expire() -> None:
            if not started and caller.give_up():
                timer.reschedule(loop.time())

        loop = asyncio.get_running_loop()
        due = loop.call_later(self._seconds, expire)
        scope[ON_DISCONNECT] = expire
        try:
            async with asyncio.timeout(None) as timer:
                await self._app(scope, watched_receive, watched_send)
        except TimeoutError:
            if not timer.expired():
                raise
            if receiving:
                await send_problem(send, SlowRequest(f"the request was not received within {self._seconds:g} s"))
            else:
                await send_problem(send, TimedOut(f"the response was not ready within {self._seconds:g} s"))
        finally:
            due.cancel()
