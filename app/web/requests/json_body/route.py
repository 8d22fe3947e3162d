"""The route of whatever takes a JSON body: FastAPI validates it, but does not read it."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.errors import InvalidRequest
from app.settings import Settings
from app.web.dependencies import services_of
from app.web.requests.json_body.reading import JsonLimits, parse_chunks, receive_json


class JsonRoute(APIRoute):
    """Reads a JSON body within `json_limits`."""

    @staticmethod
    def json_limits(settings: Settings) -> JsonLimits:
        """What the body may have; routes that take more say so."""
        return JsonLimits(settings.max_json_bytes)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI asks for this once, when the route is made."""
        resolving = super().get_route_handler()
        if self.body_field is None:
            return resolving

        async def handle(request: Request) -> Response:
            limits = self.json_limits(services_of(request).settings)
            return await resolving(JsonRequest(request, limits))

        return handle


class JsonRequest(Request):
    """A request whose body FastAPI gets as a value."""

    def __init__(self, request: Request, limits: JsonLimits) -> None:
        super().__init__(request.scope, request.receive)
        self._limits = limits
        self._chunks: list[bytes] = []

    async def body(self) -> bytes:
        """The beginning of the body: FastAPI only looks whether there is any. Raises InvalidRequest or TooLarge."""
        if not is_json(self.headers.get("content-type", "")):
            async for chunk in self.stream():
                if chunk:
                    raise InvalidRequest("expected JSON: send it with the header Content-Type: application/json")
            return b""
        self._chunks = await receive_json(self, self._limits)
        return self._chunks[0] if self._chunks else b""

    async def json(self) -> Any:
        """The value in the body; raises InvalidRequest."""
        return await parse_chunks(self, self._chunks, self._limits)


def is_json(content_type: str) -> bool:
    """Whether a content type is JSON's, or one of those that end with +json."""
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))
