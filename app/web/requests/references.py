"""How a request names the version that shall answer."""

from typing import Annotated

from fastapi import Query

from app.errors import InvalidRequest

LONGEST_REFERENCE = 64  # characters

Version = Annotated[
    str | None,
    Query(
        max_length=LONGEST_REFERENCE,
        description="A version or an alias; by default the live one. Not together with `alias`.",
        examples=["1"],
    ),
]
Alias = Annotated[
    str | None,
    Query(
        max_length=LONGEST_REFERENCE,
        description="An alias, in place of `version` and not together with it.",
        examples=["candidate"],
    ),
]


def named(version: str | int | None, alias: str | None) -> str | None:
    """The one reference of a request, None when it names nothing; raises InvalidRequest when it names two."""
    if alias is None:
        return None if version is None else str(version)
    if version is not None:
        raise InvalidRequest("name a version or an alias, not both")
    if alias.isdecimal():
        raise InvalidRequest(f"{alias[:40]!r} is not an alias: send it as the version")
    return alias
