"""Whole numbers as JSON has them: 3.0 is one; true and "3" are none, though pydantic would take them."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Strict


def _no_stand_in(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("expected a whole number")
    return value


Whole = Annotated[int, Strict(False), BeforeValidator(_no_stand_in)]
