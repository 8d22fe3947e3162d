"""Tensors and pictures of other clients, checked against the signature in a version's card, and run in its batches."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.bootstrap import Services
from app.errors import InvalidRequest
from app.families.contract import Array
from app.serving.loading import Loaded
from app.store.version import TensorCard
from app.web.decoding import decode


def single_step(loaded: Loaded) -> Loaded:
    """The same version; raises InvalidRequest when one answer takes many steps of its network."""
    if loaded.card.states:
        raise InvalidRequest(f"{loaded.card.model} continues texts: use POST /v1/completions or POST /generate")
    return loaded


def as_instances(values: Any, takes: TensorCard) -> list[Array]:
    """Nested lists or an array (n, ...) as n instances of the tensor's shape and type; raises InvalidRequest."""
    try:
        batch = np.asarray(values, np.dtype(takes.dtype))
    except (ValueError, TypeError, OverflowError):
        raise InvalidRequest(f"{takes.name} must hold {_shape(takes)} {takes.dtype} numbers") from None
    if not fits(batch.shape, takes):
        raise InvalidRequest(f"{takes.name} has shape {list(batch.shape)}, expected {_shape(takes)}")
    return list(batch)


def fits(shape: Sequence[int], takes: TensorCard) -> bool:
    """Whether a shape is one that the tensor can have: the same where it is not free, and at least one example."""
    expected = takes.shape
    return (
        len(shape) == len(expected)
        and shape[0] > 0
        and all(wanted in (-1, got) for got, wanted in zip(shape, expected, strict=True))
    )


async def from_pictures(services: Services, loaded: Loaded, pictures: Sequence[bytes]) -> list[Any]:
    """Encoded pictures as instances; raises InvalidRequest for the first that cannot be read."""
    return list(await asyncio.gather(*(decode(services, loaded, picture) for picture in pictures)))


async def predict(loaded: Loaded, instances: Sequence[Any]) -> Array:
    """Outputs (n, ...) of instances, through the same queue as everybody's; raises Busy."""
    return np.stack(await asyncio.gather(*loaded.batcher.submit(instances)))


def _shape(takes: TensorCard) -> str:
    return "[" + ", ".join("n" if side == -1 else str(side) for side in takes.shape) + "]"
