"""Named arrays between a process and the one that runs a network for it: a line of JSON, then their bytes."""

import json
from collections.abc import Mapping
from typing import IO

import numpy as np

from app.families.contract import Array

MOST_HEAD = 1 << 16  # bytes of the line


def write_arrays(stream: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Send arrays of numbers."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    _write(stream, {"arrays": {name: [array.dtype.str, array.shape] for name, array in contiguous.items()}})
    for array in contiguous.values():
        stream.write(array.tobytes())
    stream.flush()


def write_error(stream: IO[bytes], reason: str) -> None:
    """Send why there are none."""
    _write(stream, {"error": reason})
    stream.flush()


def read_arrays(stream: IO[bytes], expected: Mapping[str, Array] | None = None) -> dict[str, Array]:
    """What was sent. Where arrays are `expected`, these are filled: nothing is taken that is not of their kind.

    Raises RuntimeError with the reason that was sent instead, ValueError for what is not expected, and EOFError
    at the end of the stream.
    """
    head = json.loads(_line(stream))
    if "error" in head:
        raise RuntimeError(str(head["error"]))
    shapes = {name: (dtype, tuple(shape)) for name, (dtype, shape) in head["arrays"].items()}
    if expected is None:
        arrays: dict[str, Array] = {name: np.empty(shape, dtype) for name, (dtype, shape) in shapes.items()}
    elif shapes == {name: (array.dtype.str, array.shape) for name, array in expected.items()}:
        arrays = {name: expected[name] for name in shapes}
    else:
        raise ValueError(f"expected {_described(expected)}, got {shapes}"[:500])
    for array in arrays.values():
        _fill(stream, array)
    return arrays


def _write(stream: IO[bytes], head: Mapping[str, object]) -> None:
    stream.write(json.dumps(head).encode() + b"\n")


def _line(stream: IO[bytes]) -> bytes:
    line = stream.readline(MOST_HEAD)
    if not line.endswith(b"\n"):
        raise EOFError("the stream has ended")
    return line


def _fill(stream: IO[bytes], array: Array) -> None:
    rest = array.reshape(-1).view(np.uint8)
    while rest.size:
        content = stream.read(rest.size)
        if not content:
            raise EOFError("the stream has ended")
        rest[: len(content)] = np.frombuffer(content, np.uint8)
        rest = rest[len(content) :]


def _described(arrays: Mapping[str, Array]) -> str:
    return ", ".join(f"{name} {array.dtype} {list(array.shape)}" for name, array in arrays.items())
