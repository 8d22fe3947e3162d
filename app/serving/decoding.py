"""Decoding: the bytes of a picture become an instance, on the event loop or in a thread, whichever costs less."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from app import metrics, tracing
from app.families.contract import Classifier, Crop
from app.families.imaging import decoded, is_heic, open_picture, read_picture

SMALL_PIXELS = 32 * 32  # decoded sooner than a thread takes over


class PictureDecoder:
    """Decodes pictures of at most `max_pixels` pixels; `crop` is what is looked at where a request does not say."""

    def __init__(self, executor: Executor, *, max_pixels: int, crop: Crop) -> None:
        self._executor = executor
        self._max_pixels = max_pixels
        self._crop = crop

    async def decode(self, servable: Classifier, payload: bytes, crop: Crop | None) -> NDArray[np.float32]:
        """The instance in an encoded picture; raises InvalidRequest or TooLarge."""
        with metrics.decode_duration.time(), tracing.span("decode"):
            return await self._decode(servable, payload, crop or self._crop)

    async def _decode(self, servable: Classifier, payload: bytes, crop: Crop) -> NDArray[np.float32]:
        pixels, size = self._max_pixels, servable.min_decode_size
        if is_heic(payload):  # opening one already takes longer than a thread hop
            return await self._in_thread(
                lambda: servable.decode(read_picture(payload, max_pixels=pixels, min_decode_size=size), crop)
            )
        picture = open_picture(payload, max_pixels=pixels, min_decode_size=size)
        if picture.width * picture.height <= SMALL_PIXELS:
            return servable.decode(decoded(picture), crop)
        return await self._in_thread(lambda: servable.decode(decoded(picture), crop))

    async def _in_thread(self, work: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
