"""Errors as problem details (RFC 9457): one table from what went wrong to an HTTP status."""

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Send

from app.errors import (
    Busy,
    Conflict,
    Damaged,
    FitserveError,
    Forbidden,
    HeadTooLarge,
    InvalidRequest,
    Malformed,
    MissingData,
    NotFound,
    Overloaded,
    SlowRequest,
    SystemFault,
    TimedOut,
    TooLarge,
    Unauthorised,
    Unavailable,
    Unsupported,
    UnsupportedEncoding,
    UnsupportedMedia,
)
from app.logging import log

MEDIA_TYPE = "application/problem+json"
ENCODINGS = ("gzip", "deflate")  # content encodings of requests and answers, the preferred one first
MOST_FAULTS = 20
MOST_CHARACTERS = 6_000  # of all faults together, each of which may take six bytes in JSON
LONGEST_DETAIL = 2_000
LONGEST_MESSAGE = 300
MAX_PATH_PARTS = 10
LONGEST_NAME = 60
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

STATUSES: tuple[tuple[type[FitserveError], int, str], ...] = (  # the first that fits
    (TooLarge, 413, "too-large"),
    (UnsupportedMedia, 415, "unsupported-media"),
    (InvalidRequest, 422, "invalid-request"),
    (HeadTooLarge, 431, "head-too-large"),
    (Malformed, 400, "malformed"),
    (Unsupported, 501, "unsupported"),
    (NotFound, 404, "not-found"),
    (MissingData, 409, "missing-data"),
    (Conflict, 409, "conflict"),
    (Damaged, 409, "damaged-version"),
    (Unauthorised, 401, "unauthorised"),
    (Forbidden, 403, "forbidden"),
    (Overloaded, 503, "overloaded"),
    (Busy, 429, "busy"),
    (Unavailable, 503, "unavailable"),
    (SlowRequest, 408, "slow-request"),
    (TimedOut, 504, "timed-out"),
    (FitserveError, 500, "internal"),
)

EVENT: dict[str, Any] = {  # the OpenAPI schema of a server-sent event
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}


class Fault(BaseModel):
    """An invalid field."""

    loc: list[str | int] = Field(examples=[["body", "epochs"]])
    msg: str = Field(examples=["Input should be greater than or equal to 1"])
    type: str = Field(examples=["greater_than_equal"])


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str = Field(examples=["urn:fitserve:problem:invalid-request"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["the picture is empty: expected a PNG, JPEG or WebP picture, got 0 bytes"])
    errors: list[Fault] | None = Field(None, description=f"Invalid fields, at most {MOST_FAULTS}.")
    more_errors: int | None = Field(None, description="Number of further invalid fields.")


def problem_of(fault: FitserveError) -> Problem:
    """What a client is told about an error of ours."""
    status, kind = next((status, kind) for error, status, kind in STATUSES if isinstance(fault, error))
    details = fault.details if isinstance(fault, InvalidRequest) else ()
    return make_problem(status, str(fault), kind, details)


def make_problem(status: int, detail: str, kind: str, details: Sequence[Any] = ()) -> Problem:
    """A problem with the usual title of its status."""
    faults = _first_faults(details)
    return Problem(
        type=f"urn:fitserve:problem:{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=shortened(detail, LONGEST_DETAIL),
        errors=faults or None,
        more_errors=len(details) - len(faults) or None,
    )


def shortened(text: str, longest: int) -> str:
    """A text of at most so many characters, for it may repeat what a client sent."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _first_faults(details: Sequence[Any]) -> list[Fault]:
    """As many of the faults as a problem has room for."""
    faults, left = [], MOST_CHARACTERS
    for one in details[:MOST_FAULTS]:
        path = one["loc"][:MAX_PATH_PARTS]
        loc = [shortened(part, LONGEST_NAME) if isinstance(part, str) else part for part in path]
        fault = Fault(loc=loc, msg=shortened(one["msg"], LONGEST_MESSAGE), type=one["type"])
        left -= len(fault.msg) + sum(len(str(part)) for part in loc)
        if left < 0:
            break
        faults.append(fault)
    return faults


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def headers_of(fault: FitserveError) -> dict[str, str]:
    """What a client is told about an error besides its problem."""
    if isinstance(fault, Busy):
        return {"Retry-After": str(math.ceil(fault.retry_after))}
    if isinstance(fault, Unauthorised):
        return {"WWW-Authenticate": 'Bearer realm="fitserve"'}
    if isinstance(fault, UnsupportedEncoding):
        return {"Accept-Encoding": ", ".join(ENCODINGS)}
    return {}


def render_problem(fault: FitserveError, *, close: bool = True) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a problem below the application."""
    problem = problem_of(fault)
    content = problem.model_dump_json(exclude_none=True).encode()
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(content)),
        **({"Connection": "close"} if close else {}),
        **headers_of(fault),
    }
    return problem.status, headers, content


async def send_problem(send: Send, fault: FitserveError, *, close: bool = True) -> None:
    """Answer with a problem there. The rest of the body is not read, so the connection closes, unless it is small."""
    status, headers, content = render_problem(fault, close=close)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


def install(app: FastAPI) -> None:
    """Have every error leave the app as a problem."""
    for kind, answer in (
        (FitserveError, _domain_error),
        (OSError, _os_error),
        (RequestValidationError, _validation_error),
        (HTTPException, _http_error),
    ):
        app.add_exception_handler(kind, answer)  # type: ignore[arg-type]  # each takes the kind that it is for


async def _domain_error(request: Request, fault: FitserveError) -> Response:
    problem = problem_of(fault)
    if problem.status == 500:
        log.error("request failed", path=shortened(request.url.path, LONGEST_MESSAGE), exc_info=fault)
    return _response(problem, headers_of(fault))


async def _os_error(request: Request, fault: OSError) -> Response:
    meaning = SystemFault.of(fault)
    if meaning is None:
        raise fault
    log.error("the system refuses: %s", fault, path=shortened(request.url.path, LONGEST_MESSAGE))
    return await _domain_error(request, meaning)


async def _validation_error(request: Request, fault: RequestValidationError) -> Response:  # noqa: ARG001  as Starlette calls it
    return _response(make_problem(422, "invalid request", "invalid-request", fault.errors()))


async def _http_error(request: Request, fault: HTTPException) -> Response:
    if isinstance(fault.__cause__, FitserveError):  # raised while FastAPI read a body
        return await _domain_error(request, fault.__cause__)
    if fault.status_code == 400:  # FastAPI's, of a JSON body that is not UTF-8
        return _response(make_problem(422, "the body is not JSON in UTF-8", "invalid-request"))
    detail = f"{request.method} {request.url.path}: {fault.detail}"
    if fault.status_code != 405:
        return _response(make_problem(fault.status_code, detail, "http"), dict(fault.headers or {}))
    allowed = {"Allow": ", ".join(_methods(request))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allowed)
    return _response(make_problem(405, detail, "http"), allowed)


def _methods(request: Request) -> list[str]:
    """The methods that the path of a request has, over all routes: Starlette tells those of the first alone."""
    found = {
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    }
    also = {"HEAD", "OPTIONS"} if "GET" in found else {"OPTIONS"}
    return [method for method in METHODS if method in found | also]


def _response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, problem.status, headers, MEDIA_TYPE)


def render_response(fault: FitserveError) -> bytes:
    """A problem as a whole HTTP/1.1 response."""
    status, headers, content = render_problem(fault)
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + content
