"""Tensors: the values of a request, checked against the input in a version's card."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.errors import InvalidRequest
from app.families.contract import Array
from app.store.version import TensorCard


def as_instances(values: Any, tensor: TensorCard) -> list[Array]:
    """An array (n, ...), or n arrays, as n instances of the tensor's shape and dtype; raises InvalidRequest."""
    batch = as_dtype(_stacked(values, tensor), np.dtype(tensor.dtype), tensor.name)
    if not _fits(batch.shape, tensor):
        raise InvalidRequest(f"{tensor.name} has shape {list(batch.shape)}, expected {_shape(tensor)}")
    return list(batch)


def as_dtype(values: Array, wanted: np.dtype[Any], name: str) -> Array:
    """The same finite numbers in another dtype that can hold them; raises InvalidRequest."""
    given, into = values.dtype.kind, wanted.kind
    if (given == "b") != (into == "b") or (given == "f" and into in "iu"):
        raise InvalidRequest(f"{name} must hold {wanted} numbers")
    if into in "iu" and values.size and not np.can_cast(values.dtype, wanted):
        bounds = np.iinfo(wanted)
        if values.min() < bounds.min or values.max() > bounds.max:
            raise InvalidRequest(f"{name} must hold {wanted} numbers, {bounds.min} to {bounds.max}")
    with np.errstate(over="ignore"):  # numbers that are too large become infinite
        cast = values.astype(wanted, copy=False)
    if not np.isfinite(cast).all():
        raise InvalidRequest(f"{name} holds NaN, Infinity or numbers too large for {wanted}")
    return cast


def _fits(shape: Sequence[int], tensor: TensorCard) -> bool:
    """Whether a tensor can have this shape: at least one example, and equal sides but for free ones."""
    expected = tensor.shape
    return (
        len(shape) == len(expected)
        and shape[0] > 0
        and all(wanted in (-1, got) for got, wanted in zip(shape, expected, strict=True))
    )


def _stacked(values: Any, tensor: TensorCard) -> Array:
    if isinstance(values, np.ndarray):
        return values
    try:
        if all(isinstance(one, np.ndarray | int | float) for one in values):
            return np.asarray(values)
    except (TypeError, ValueError, OverflowError):  # not iterable, ragged, or with too many digits
        pass
    raise InvalidRequest(f"{tensor.name} must hold {_shape(tensor)} {tensor.dtype} numbers")


def _shape(tensor: TensorCard) -> str:
    return "[" + ", ".join("n" if side == -1 else str(side) for side in tensor.shape) + "]"
