"""A connection as it should be whoever is at its other end: what it reads is bounded, and what it answers arrives.

uvicorn's protocol reads heads of any size, stops reading at the offer of another protocol, takes trailers for headers,
and resets a connection whose client still sends when it is answered.
"""

import asyncio
from dataclasses import dataclass

import httptools

from app import metrics
from app.errors import Busy, FitserveError, HeadTooLarge, Malformed, Overloaded
from app.logging import log
from app.settings import Settings
from app.web.problems import render_problem, render_response
from app.web.server.coalescing_transport import CoalescingProtocol
from app.web.server.flow_control import GatedFlowControl
from app.web.server.framing import check_head, head_size

PIECE = 1 << 12  # bytes that are parsed before the bounds are looked at again
LARGE_READ = 1 << 16  # bytes of one reading after which others have their turn
PAUSE_SECONDS = 0.002  # seconds after so much, in which who sends little is read
MAX_PARSER_CALLS = 500  # fields and chunks of it, the same
# of a body's bytes: one for each so many may frame its chunks, for each costs as much as hundreds of bytes
BODY_BYTES_PER_FRAMING_BYTE = 4


@dataclass(frozen=True)
class ConnectionLimits:
    """What one connection may ask of the service, and how many there may be."""

    connections: int
    head_bytes: int
    head_fields: int
    header_timeout_seconds: float
    pipelined: int
    discard_bytes: int
    discard_timeout_seconds: float


def protocol_with_limits(settings: Settings) -> type["Connection"]:
    """The protocol that uvicorn takes, with the limits of these settings."""

    class Limited(Connection):
        limits = ConnectionLimits(
            connections=settings.max_connections,
            head_bytes=settings.max_header_bytes,
            head_fields=settings.max_header_fields,
            header_timeout_seconds=settings.header_timeout_seconds,
            pipelined=settings.max_pipelined,
            discard_bytes=settings.max_discard_bytes,
            discard_timeout_seconds=settings.discard_timeout_seconds,
        )

    return Limited


class Connection(CoalescingProtocol):
    """The protocol. What arrives of a request after its answer is read and dropped, within limits.

    A head that is too large or cannot be understood is answered after the requests before it, and is the last.
    """

    limits: ConnectionLimits
    flow: GatedFlowControl

    _timer: asyncio.TimerHandle | None = None  # for the head that is awaited, or for what is dropped
    _unanswered = 0  # requests whose answer is not complete
    _in_head = _arriving = False
    _fields = 0  # of the present request, trailers included
    _overhead_bytes = 0.0  # bytes of it that are no body, beyond what its body allows, roughly
    _refusal: FitserveError | None = None  # of what no request can be made of; nothing is parsed after it
    _fault: FitserveError | None = None  # raised in a callback: the parser does not pass it on
    _discard_left: int | None = None  # bytes that may still be dropped
    _unparsed = b""  # what was read and is to be parsed after others have had their turn
    _parser_calls = 0  # of the parser, for what is being parsed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """One too many is told so and closed; uvicorn's own bound refuses requests of those that are open."""
        super().connection_made(transport)
        self.flow = GatedFlowControl(self.transport, lambda: bool(self.pipeline or self._unparsed))
        if len(self.connections) > self.limits.connections:
            transport.write(render_response(Overloaded(f"more than {self.limits.connections} connections at once")))
            transport.close()
        else:
            self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what waits: nobody is there to be answered."""
        self._stop_timer()
        self._unparsed = b""
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse it or drop it."""
        self._unset_keepalive_if_required()
        if self._discard_left is not None:
            self._discard_left -= len(data)
            if self._discard_left < 0:
                self.transport.abort()
                return
        if self._unparsed:
            self._unparsed += data
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Parse it piece by piece; where that takes long, other connections have their turn in between."""
        if self._timer is None and not self._unanswered and not self._arriving:
            self._start_header_timer()
        self._parser_calls = 0
        for start in range(0, len(data), PIECE):
            if self._refusal is None:
                self._parse(data[start : start + PIECE])
            if self._parser_calls > MAX_PARSER_CALLS:
                self._unparsed = data[start + PIECE :]
                break
        if self._unparsed or len(data) >= LARGE_READ:
            is_ours = not self.flow.read_paused
            self.flow.pause_reading()
            self.loop.call_later(PAUSE_SECONDS, self._go_on, is_ours)

    def _go_on(self, resume: bool) -> None:
        data, self._unparsed = self._unparsed, b""
        if self.parser is not None:  # which uvicorn takes away with the connection
            if resume or self.flow.is_wanted:
                self.flow.resume_reading()
            if data:
                self._take(data)

    def _parse(self, piece: bytes) -> None:
        """Feed the parser; an offer of another protocol is ignored: the same head goes in again, without it."""
        while piece:
            self._overhead_bytes += len(piece)
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade as offer:
                piece = self._head_without_upgrade() + piece[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)  # of the old one nobody knows what state it is in
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
                continue
            except httptools.HttpParserError as fault:
                refusal = self._fault or Malformed(f"this cannot be read as HTTP/1.1: {fault}")
                self._refuse(refusal.with_traceback(None))  # whose frames would keep what was read
                return
            break
        self._overhead_bytes = max(self._overhead_bytes, 0)
        if self._overhead_bytes > self.limits.head_bytes:
            self._refuse(self._too_large())

    def _head_without_upgrade(self) -> bytes:
        start = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = [b"%s: %s" % field for field in self.headers if field[0] != b"upgrade"]
        return b"\r\n".join([start, *fields, b"", b""])

    # what the parser calls

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head = True
        self._fields = self._overhead_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field; a trailer is counted and dropped, for nothing here asks for one."""
        self._fields += 1
        if self._fields > self.limits.head_fields:
            self._fault = self._too_large()
            raise self._fault
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: the request begins, or waits behind those before it."""
        self._in_head = False
        self._parser_calls += len(self.headers)
        try:
            if head_size(self.url, self.headers) > self.limits.head_bytes:
                raise self._too_large()
            check_head(self.parser.get_method(), self.parser.get_http_version(), self.headers)
            if self.parser.should_upgrade():
                return
            if len(self.pipeline) >= self.limits.pipelined:
                raise Busy(f"more than {self.limits.pipelined} requests wait on one connection")
            super().on_headers_complete()
        except (FitserveError, ValueError, httptools.HttpParserInvalidURLError) as fault:
            self._fault = (
                fault if isinstance(fault, FitserveError) else Malformed("the target is no path or URL in ASCII")
            )
            raise
        self._stop_timer()
        self._unanswered += 1
        self._arriving = True

    def on_body(self, body: bytes) -> None:
        """Some of the body; uvicorn drops it when the request is answered."""
        self._parser_calls += 1
        self._overhead_bytes -= len(body) * (1 + 1 / BODY_BYTES_PER_FRAMING_BYTE)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole, or an offer is to be ignored."""
        if self.parser.should_upgrade():
            return
        self._arriving = False
        self._overhead_bytes = 0
        super().on_message_complete()
        if self._discard_left is not None:  # the answer was there first
            self._discard_left = None
            self._stop_timer()
            if self.transport.is_closing():
                self.transport.close()

    def _too_large(self) -> HeadTooLarge:
        most = f"{self.limits.head_bytes} bytes and {self.limits.head_fields} fields at most"
        return HeadTooLarge(f"the head of a request has {most}, trailers and what frames small chunks included")

    # answers

    def on_response_complete(self) -> None:
        """uvicorn calls this; the next request begins if one waits."""
        super().on_response_complete()
        self._unanswered -= 1
        if self._refusal:
            self._send_refusal()
        elif self._arriving and self.cycle.response_complete:
            if self.expect_100_continue:  # the client may send the body still, or another request in its place
                self.transport.close()
            self._start_discarding()

    def keeps_receiving(self) -> bool:
        """Whether something may still arrive that belongs to a request which has its answer."""
        return self._refusal is not None or (self._arriving and self.cycle.response_complete)

    def shutdown(self) -> None:
        """The service ends: what is answered is not waited for."""
        if self._discard_left is not None:
            self.transport.abort()
        super().shutdown()

    def _refuse(self, fault: FitserveError) -> None:
        """Answer what no request can be made of, once those before it are answered. The rest is dropped."""
        self._refusal = fault
        self._discard_left = self.limits.discard_bytes
        self._stop_timer()
        if self._arriving:
            self._abandon()
        self._send_refusal()

    def _abandon(self) -> None:
        """The body of the newest request is broken: it is not answered by the application any more."""
        self._arriving = False
        if self.pipeline:
            self.pipeline.popleft()
        elif self.cycle.response_complete:  # there can be no second answer
            self.transport.close()
            return
        else:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
        self._unanswered -= 1

    def _send_refusal(self) -> None:
        if self._refusal is None or self._unanswered:
            return
        if not self.transport.is_closing():
            self.transport.write(render_response(self._refusal))
            self.transport.close()
            status = render_problem(self._refusal)[0]
            metrics.requests.labels("none", "none", status).inc()
            log.info("request refused", status=status, reason=str(self._refusal)[:200])
        self._start_discarding()

    def _start_discarding(self) -> None:
        self._discard_left = self.limits.discard_bytes
        self._stop_timer()
        if self.parser is not None:
            self._timer = self.loop.call_later(self.limits.discard_timeout_seconds, self.transport.abort)
            self.flow.resume_reading()

    # the time for a head

    def _start_header_timer(self) -> None:
        """Close the connection unless the next head is complete in time: uvicorn bounds only the pause before it."""
        self._timer = self.loop.call_later(self.limits.header_timeout_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
