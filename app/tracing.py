"""Traces, sent where OTEL_EXPORTER_OTLP_ENDPOINT says if the extra `otel` is installed; else all here does nothing.

FastAPI makes the span of a request by itself once there is a provider; here are its parts, and those of a job.
"""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context

from app.logging import log

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
DEFAULTS = {  # of the SDK's own settings; nobody waits longer than this for a collector when a process ends
    "OTEL_SERVICE_NAME": "fitserve",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
}
NOTHING: AbstractContextManager[None] = nullcontext()

_provider: Any = None


def configure_tracing() -> None:
    """Send spans from now on, as the OTEL_* variables say, if any of them names an endpoint."""
    global _provider
    if _provider is not None or not any(os.environ.get(name) for name in ENDPOINTS) or _is_off():
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        log.warning("no traces: OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra `otel` is not installed")
        return
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    _provider = TracerProvider(resource=Resource.create({"service.version": version("fitserve")}))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(_provider)


def _is_off() -> bool:
    named = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    return named == "none" or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"


def end_tracing() -> None:
    """Send what has not been sent, and nothing after it."""
    if _provider is not None:
        _provider.shutdown()


def span(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """A part of what is going on, as long as the block takes."""
    if _provider is None:
        return NOTHING
    return trace.get_tracer("fitserve").start_as_current_span(name, attributes=attributes)


def current_context() -> Context | None:
    """What a later part belongs to; None where nothing is traced."""
    if _provider is None or not trace.get_current_span().is_recording():
        return None
    return context.get_current()


def record_span(parent: Context, name: str, begun: float, ended: float, **attributes: str | int) -> None:
    """A part that is over, with its times by `time.perf_counter`."""
    now, zero = time.time_ns(), time.perf_counter()
    start, end = (now - int((zero - moment) * 1e9) for moment in (begun, ended))
    made = trace.get_tracer("fitserve").start_span(name, parent, attributes=attributes, start_time=start)
    made.end(end)


def annotate(**attributes: str) -> str | None:
    """Say something of the span that is going on; returns the id of its trace, None where nothing is traced."""
    if _provider is None:
        return None
    current = trace.get_current_span()
    current.set_attributes(attributes)
    return trace.format_trace_id(current.get_span_context().trace_id) if current.is_recording() else None


def traceparent() -> str | None:
    """The span that is going on in a form that another process understands (W3C `traceparent`)."""
    carrier: dict[str, str] = {}
    if _provider is not None:
        propagate.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def linked(name: str, origin: str | None, **attributes: str | int) -> Iterator[None]:
    """A trace of its own, as long as the block takes, with a link to the `traceparent` of what caused it."""
    if _provider is None:
        yield
        return
    cause = trace.get_current_span(propagate.extract({"traceparent": origin or ""})).get_span_context()
    links = [trace.Link(cause)] if cause.is_valid else []
    with trace.get_tracer("fitserve").start_as_current_span(name, Context(), links=links, attributes=attributes):
        yield
