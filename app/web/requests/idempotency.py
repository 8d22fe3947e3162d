"""Idempotency-Key: the same key for the same address from the same caller gives the same thing again."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header, Request

MAX_KEY = 240  # characters
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=MAX_KEY,
        description="The same key with the same body gives the same job again. It is of one address and one API key.",
    ),
]


def idempotent(request: Request, key: str | None, asked: Any) -> tuple[str | None, str | None]:
    """A key, and what it stands for, as the journal keeps them; nothing without one.

    `asked` is the body as it was understood. Takes time as it is long.
    """
    if not key:
        return None, None
    caller = request.scope.get("key", "")  # the name of an API key
    return _digest([caller, request.scope["path"], key]), _digest(asked)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
