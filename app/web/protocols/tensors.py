"""Tensors and pictures of other clients, checked against the signature in a version's card, and run in its batches."""

import asyncio
import json
from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np

from app.bootstrap import Services
from app.errors import InvalidRequest, Unusable
from app.families.contract import Array
from app.serving.loading import Loaded
from app.store.version import TensorCard
from app.web.decoding import decode
from app.web.requests.base64_text import decode_base64
from app.web.requests.json_body.reading import JsonLimits

BESIDE = 1_000  # elements of a request beside its tensors
BESIDE_EACH = 4  # and beside each instance: its name, its place in a list
WRITTEN_AT_ONCE = 1_000  # numbers, in about a millisecond


def single_step(loaded: Loaded) -> Loaded:
    """The same version; raises InvalidRequest when one answer takes many steps of its network."""
    if loaded.card.states:
        raise InvalidRequest(f"{loaded.card.model} continues texts: use POST /v1/completions or POST /generate")
    return loaded


def tensor_limits(services: Services, loaded: Loaded) -> JsonLimits:
    """The JSON of as many instances as may wait at once, however its numbers are nested."""
    settings = services.settings
    each = sum(accumulate(loaded.card.input.shape[1:], mul)) + BESIDE_EACH
    return JsonLimits(settings.max_tensor_bytes, settings.max_waiting * each + BESIDE, arrays=True)


def as_instances(values: Any, takes: TensorCard) -> list[Array]:
    """An array (n, ...), or n arrays, as instances of the tensor's shape and type; raises InvalidRequest."""
    batch = as_type(_stacked(values, takes), np.dtype(takes.dtype), takes.name)
    if not fits(batch.shape, takes):
        raise InvalidRequest(f"{takes.name} has shape {list(batch.shape)}, expected {_shape(takes)}")
    return list(batch)


def as_type(values: Array, wanted: np.dtype[Any], name: str) -> Array:
    """The same finite numbers in another type that has them; raises InvalidRequest."""
    given, into = values.dtype.kind, wanted.kind
    if (given == "b") != (into == "b") or (given == "f" and into in "iu"):
        raise InvalidRequest(f"{name} must hold {wanted} numbers")
    if into in "iu" and values.size and not np.can_cast(values.dtype, wanted):
        bounds = np.iinfo(wanted)
        if values.min() < bounds.min or values.max() > bounds.max:
            raise InvalidRequest(f"{name} must hold {wanted} numbers, {bounds.min} to {bounds.max}")
    with np.errstate(over="ignore"):  # what is too large becomes infinite
        cast = values.astype(wanted, copy=False)
    if not np.isfinite(cast).all():
        raise InvalidRequest(f"{name} holds NaN, Infinity or numbers too large for {wanted}")
    return cast


def fits(shape: Sequence[int], takes: TensorCard) -> bool:
    """Whether a shape is one that the tensor can have: the same where it is not free, and at least one example."""
    expected = takes.shape
    return (
        len(shape) == len(expected)
        and shape[0] > 0
        and all(wanted in (-1, got) for got, wanted in zip(shape, expected, strict=True))
    )


async def from_base64(services: Services, loaded: Loaded, texts: Sequence[Any], wanted: str) -> list[Any]:
    """Pictures in base64 as instances; raises InvalidRequest for the first that cannot be read, saying what is `wanted`
    where it is no base64.
    """
    loaded.batcher.check_room(len(texts))
    if not all(isinstance(text, str | bytearray) for text in texts):
        raise InvalidRequest(wanted)
    try:
        pictures = [await decode_base64(text) for text in texts]
    except ValueError:
        raise InvalidRequest(wanted) from None
    return await from_pictures(services, loaded, pictures)


async def from_pictures(services: Services, loaded: Loaded, pictures: Sequence[bytes]) -> list[Any]:
    """Encoded pictures as instances; raises InvalidRequest for the first that cannot be read."""
    loaded.batcher.check_room(len(pictures))
    return list(await asyncio.gather(*(decode(services, loaded, picture) for picture in pictures)))


async def predict(loaded: Loaded, instances: Sequence[Any]) -> Array:
    """Outputs (n, ...) of instances, through the same queue as everybody's; raises InvalidRequest, Busy or Unusable."""
    if not instances:
        raise InvalidRequest(f"{loaded.card.input.name} holds no example; at least one is expected")
    outputs = np.stack(await asyncio.gather(*loaded.batcher.submit(instances)))
    if not np.isfinite(outputs).all():
        card = loaded.card
        raise Unusable(f"version {card.version} of {card.model} gave numbers that are not finite")
    return outputs


async def items_of(outputs: Array) -> str:
    """The items of an array as JSON, with commas between, written piece by piece."""
    step = max(1, WRITTEN_AT_ONCE * len(outputs) // max(1, outputs.size))
    pieces = []
    for start in range(0, len(outputs), step):
        if start:
            await asyncio.sleep(0)
        pieces.append(json.dumps(outputs[start : start + step].tolist(), separators=(",", ":"))[1:-1])
    return ",".join(pieces)


def _stacked(values: Any, takes: TensorCard) -> Array:
    if isinstance(values, np.ndarray):
        return values
    try:
        if all(isinstance(one, np.ndarray | int | float) for one in values):
            return np.asarray(values)
    except (TypeError, ValueError, OverflowError):  # nothing to go through, of many shapes, or too many digits
        pass
    raise InvalidRequest(f"{takes.name} must hold {_shape(takes)} {takes.dtype} numbers")


def _shape(takes: TensorCard) -> str:
    return "[" + ", ".join("n" if side == -1 else str(side) for side in takes.shape) + "]"
