"""Errors as other protocols' clients expect them: in a form and with a status of their own."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.errors import (
    Busy,
    Conflict,
    Damaged,
    FitserveError,
    InvalidRequest,
    Malformed,
    NotFound,
    Overloaded,
    TooLarge,
    Unavailable,
)
from app.web.problems import LONGEST_DETAIL, headers_of, shortened
from app.web.requests.json_body.route import JsonRoute

STATUSES: tuple[tuple[type[FitserveError], int], ...] = (  # the first that fits
    (TooLarge, 413),
    (InvalidRequest, 400),
    (Malformed, 400),
    (NotFound, 404),
    (Damaged, 404),
    (Conflict, 404),  # no version to answer with yet
    (Overloaded, 503),
    (Busy, 429),
    (Unavailable, 503),
)

BEFORE = {401, 403, 408, 504}  # what a request may meet before it comes to a route


class ErrorRoute(JsonRoute):
    """Answers errors of ours in the one form that TensorFlow Serving and the Open Inference Protocol share."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI asks for this once, when the route is made."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as fault:
                first, name = fault.errors()[0], _faulty_field(fault.errors())
                return JSONResponse(self.error_body(f"{name or 'the body'}: {first['msg']}", 400, name), 400)
            except HTTPException as fault:  # FastAPI's, around what went wrong while it read a body
                if isinstance(fault.__cause__, FitserveError):
                    return self._answer(fault.__cause__)
                return JSONResponse(self.error_body(str(fault.detail), fault.status_code), fault.status_code)
            except FitserveError as fault:
                return self._answer(fault)

        return handle

    def _answer(self, fault: FitserveError) -> Response:
        status = next((status for kind, status in STATUSES if isinstance(fault, kind)), 500)
        details = fault.details if isinstance(fault, InvalidRequest) else ()
        return JSONResponse(self.error_body(str(fault), status, _faulty_field(details)), status, headers_of(fault))

    @staticmethod
    def error_body(message: str, status: int, name: str | None = None) -> dict[str, Any]:  # noqa: ARG004  others tell more
        """The body of an error; `name` is the field of the request that is at fault."""
        return {"error": shortened(message, LONGEST_DETAIL)}


def _faulty_field(details: Sequence[Mapping[str, Any]]) -> str | None:
    """The field that is at fault first."""
    return next((str(detail["loc"][1]) for detail in details[:1] if len(detail["loc"]) > 1), None)


def error_responses(form: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a router whose errors have this form, a JSON schema."""
    content = {"application/json": {"schema": {"type": "object", "properties": form, "required": list(form)}}}
    statuses = sorted({status for _, status in STATUSES} | BEFORE)
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


TEXT: dict[str, Any] = {"error": {"type": "string"}}


def object_documentation(*alternatives: str) -> dict[str, Any]:
    """The OpenAPI of a body that is an object with one of these members."""
    schema = {"type": "object", "oneOf": [{"required": [name]} for name in alternatives]}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
