"""Logging, the same in every process: one line an event on standard error, as JSON or for people."""

import json
import logging
import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from pydantic_core import to_json

from app.safe_text import printable

# structlog takes rich where there is any, for coloured tracebacks: 0.08 s of every start, and nobody here wants them
_hide_rich = "rich" not in sys.modules
if _hide_rich:
    sys.modules["rich"] = None  # type: ignore[assignment]
import structlog  # noqa: E402

if _hide_rich:
    del sys.modules["rich"]

STANDARD_ERROR = 2
LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)  # of the request that is being answered


def configure_logging(level: str, form: str, **always: object) -> None:
    """Write events of at least `level` as `json` or for the `console`, each with the facts of `always`.

    What libraries log by the standard way, from WARNING on, takes the same form.
    """
    _configure(level, form, always)
    root = logging.getLogger()
    if not any(isinstance(handler, _Libraries) for handler in root.handlers):
        root.addHandler(_Libraries())


def _configure(level: str, form: str, always: MutableMapping[str, object]) -> None:
    def add_context(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """What an event belongs to, behind what happened."""
        request = {"request": found} if (found := request_id.get()) else {}
        return {"event": event["event"], **always, **request, **event}

    as_json = form == "json"
    structlog.configure(
        processors=[
            add_context,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper("iso" if as_json else "%H:%M:%S", utc=as_json, key="time"),
            *([structlog.processors.JSONRenderer(_to_json)] if as_json else [_escape_controls, _console()]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Lines,
    )


def _escape_controls(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What JSON spells out anyway must not steer a terminal."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _console() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=os.isatty(STANDARD_ERROR), exception_formatter=structlog.dev.plain_traceback, timestamp_key="time"
    )


def _to_json(event: dict[str, Any], **_: object) -> str:
    """JSON; a text that cannot be UTF-8, or a number that is none, is written as ASCII in the slower way."""
    try:
        return to_json(event, fallback=str).decode()
    except ValueError:
        return json.dumps(event, default=str)


class _Lines:
    """Writes each line at once and whole. What cannot be written is let go: a full disk must not stop answers."""

    def __init__(self, *_: object) -> None:
        pass

    def msg(self, line: str) -> None:
        with suppress(OSError):
            os.write(STANDARD_ERROR, (line + "\n").encode(errors="backslashreplace"))

    debug = info = warning = error = critical = msg


class _Libraries(logging.Handler):
    """Hands over what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        level = max(known for known in LEVELS if known <= max(record.levelno, logging.DEBUG))
        log.log(level, record.getMessage(), logger=record.name, exc_info=record.exc_info)


_configure("WARNING", "console", {})
