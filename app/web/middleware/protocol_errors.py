"""Errors below a protocol's routes, no such address or a key that is missing, in the form of that protocol."""

import json
import re

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from app.web.middleware.http import HttpMiddleware
from app.web.problems import MEDIA_TYPE
from app.web.protocols.error_handling import ErrorRoute
from app.web.protocols.openai.errors import OpenAIRoute

OPEN_INFERENCE = re.compile(r"/v2(/.*)?")
TENSORFLOW_SERVING = re.compile(r"/v1/models/.*")
OPENAI = re.compile(r"/v1(/.*)?")


def error_format_of(path: str) -> type[ErrorRoute] | None:
    """Who writes the errors of an address; None where they are problems."""
    if OPEN_INFERENCE.fullmatch(path) or TENSORFLOW_SERVING.fullmatch(path):
        return ErrorRoute
    return OpenAIRoute if OPENAI.fullmatch(path) else None


class ProtocolErrors(HttpMiddleware):
    """Middleware around all that answers with problems."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, but for problems, whose detail is told in the protocol's form."""
        form = error_format_of(scope["path"])
        if form is None:
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def translated(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:  # problems are sent in one piece
                content = _translated(form, message["body"])
                headers = MutableHeaders(raw=list(start["headers"]))
                headers["content-type"] = "application/json"
                if content:
                    headers["content-length"] = str(len(content))
                else:  # of an answer to HEAD
                    del headers["content-length"]
                await send({**start, "headers": headers.raw})
                await send({**message, "body": content})

        await self._app(scope, receive, translated)


def _is_problem(start: Message) -> bool:
    return any(name.lower() == b"content-type" and value == MEDIA_TYPE.encode() for name, value in start["headers"])


def _translated(form: type[ErrorRoute], content: bytes) -> bytes:
    if not content:
        return content
    problem = json.loads(content)
    return json.dumps(form.error_body(problem["detail"], problem["status"])).encode()
