"""From a JSON text to its value; where tensors are expected, lists of numbers become arrays."""

from pickle import PickleBuffer
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from app.errors import InvalidRequest

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LONG_TEXT = 1 << 16  # characters
MOST_OBJECTS = 20_000  # beside arrays: what a tensor's request may hold of anything else


def parse(text: bytes, *, arrays: bool) -> Any:
    """The value of a JSON text in UTF-8; raises InvalidRequest.

    With `arrays`, lists of numbers, however nested, are arrays: bool, int64 or float64; NaN and Infinity are numbers.
    Long texts in ASCII, as base64 is, are buffers then, which reach another process as bytearrays, without a copy.
    """
    try:
        value = from_json(text.removeprefix(BYTE_ORDER_MARK), allow_inf_nan=arrays)
    except ValueError as fault:
        raise InvalidRequest(f"the body is not JSON in UTF-8: {fault}") from None
    return _Arrays().of(value) if arrays else value


class _Arrays:
    """Replaces lists of numbers and long texts in one value, and counts all else."""

    def __init__(self) -> None:
        self._objects = 0

    def of(self, value: Any) -> Any:
        """The value with arrays and buffers in their place; raises InvalidRequest where a list is no array."""
        self._objects += 1
        if self._objects > MOST_OBJECTS:
            raise InvalidRequest(f"more than {MOST_OBJECTS} values that are not numbers of a tensor")
        if isinstance(value, dict):
            return {name: self.of(one) for name, one in value.items()}
        if isinstance(value, str) and len(value) > LONG_TEXT and value.isascii():
            return PickleBuffer(bytearray(value, "ascii"))  # one that may be written to: others would come as views
        if not isinstance(value, list):
            return value
        return array_of(value) if isinstance(_first(value), int | float) else [self.of(one) for one in value]


def _first(value: Any) -> Any:
    """What comes first in a nested list."""
    while isinstance(value, list) and value:
        value = value[0]
    return value


def array_of(values: list[Any]) -> NDArray[Any]:
    """Nested lists of numbers as an array of their shape: bool, int64 or float64; raises InvalidRequest."""
    try:
        objects = np.array(values, object)
    except ValueError:  # lists beside numbers, in some orders
        raise InvalidRequest("the lists of a tensor differ in length") from None
    kinds = set(map(type, objects.flat))
    if list in kinds:
        raise InvalidRequest("the lists of a tensor differ in length")
    if kinds == {bool}:
        return objects.astype(np.bool_)
    if not kinds <= {int, float}:
        raise InvalidRequest("a tensor may contain numbers only")
    try:
        return objects.astype(np.float64 if float in kinds else np.int64)
    except OverflowError:
        raise InvalidRequest("a tensor holds a number with too many digits") from None
