"""Errors as clients of this interface read them: a kind, a code, and the parameter that is at fault."""

from typing import Any

from app.settings import Settings
from app.web.problems import LONGEST_DETAIL, LONGEST_NAME, shortened
from app.web.protocols.error_handling import ErrorRoute
from app.web.requests.json_body.reading import MANY_ELEMENTS, JsonLimits


class OpenAIRoute(ErrorRoute):
    """Answers errors of ours in this interface's form."""

    @staticmethod
    def json_limits(settings: Settings) -> JsonLimits:
        """Prompts are texts, or lists of tokens."""
        return JsonLimits(settings.max_body_bytes, MANY_ELEMENTS)

    @staticmethod
    def error_body(message: str, status: int, name: str | None = None) -> dict[str, Any]:
        """The body of an error."""
        kind = {404: "not_found_error", 429: "rate_limit_error", 500: "server_error"}.get(
            status, "invalid_request_error"
        )
        code = {404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
        param = name and shortened(name, LONGEST_NAME)
        return {"error": {"message": shortened(message, LONGEST_DETAIL), "type": kind, "param": param, "code": code}}
