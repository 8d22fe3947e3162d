"""Whole numbers as JSON has them: 3.0 is one, which a strict model would refuse."""

from typing import Any

from pydantic import BeforeValidator


def _from_float(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE_NUMBER = BeforeValidator(_from_float)  # behind the bounds in an Annotated, or the API's description loses them
