"""Tensors and pictures in JSON, as the protocols of other servers have them."""

import asyncio
import json
from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import Any

from app.errors import InvalidRequest
from app.families.contract import Array
from app.serving.loading import LoadedClassifier
from app.settings import Settings
from app.web.requests.base64_text import decode_base64
from app.web.requests.json_body.reading import JsonLimits

BESIDE = 1_000  # elements of a request beside its tensors
BESIDE_EACH = 4  # and beside each instance: its name, its place in a list
WRITTEN_AT_ONCE = 1_000  # numbers, in about a millisecond


def tensor_limits(settings: Settings, loaded: LoadedClassifier) -> JsonLimits:
    """The JSON of as many instances as may wait at once, however its numbers are nested."""
    each = sum(accumulate(loaded.card.input.shape[1:], mul)) + BESIDE_EACH
    return JsonLimits(settings.max_tensor_bytes, settings.max_queue_size * each + BESIDE, arrays=True)


async def pictures_in(loaded: LoadedClassifier, texts: Sequence[Any], expected: str) -> list[bytes]:
    """Encoded pictures in base64; raises Busy before it decodes what would be refused, and InvalidRequest with what is
    `expected` where a text is not base64.
    """
    loaded.batcher.check_room(len(texts))
    if not all(isinstance(text, str | bytearray) for text in texts):
        raise InvalidRequest(expected)
    try:
        return [await decode_base64(text) for text in texts]
    except ValueError:
        raise InvalidRequest(expected) from None


async def items_of(outputs: Array) -> str:
    """The items of an array as JSON, with commas between, written piece by piece."""
    step = max(1, WRITTEN_AT_ONCE * len(outputs) // max(1, outputs.size))
    pieces = []
    for start in range(0, len(outputs), step):
        if start:
            await asyncio.sleep(0)
        pieces.append(json.dumps(outputs[start : start + step].tolist(), separators=(",", ":"))[1:-1])
    return ",".join(pieces)
