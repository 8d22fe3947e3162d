"""From the bytes of a picture to an instance, where it costs the least."""

import asyncio
from typing import Any

from app import metrics, tracing
from app.bootstrap import Services
from app.families.contract import Crop
from app.families.image_headers import is_heic
from app.families.imaging import decoded, open_picture, read_picture
from app.serving.loading import Loaded

SMALL_PIXELS = 32 * 32  # decoded sooner than a thread takes over


async def decode(services: Services, loaded: Loaded, payload: bytes, crop: Crop | None = None) -> Any:
    """The instance in the bytes; what takes longer than a thread hop is done in a thread. Raises Busy."""
    loaded.batcher.check_room()
    with metrics.decode_seconds.time(), tracing.span("decode"):
        return await _decoded(services, loaded, payload, crop or services.settings.crop)


async def _decoded(services: Services, loaded: Loaded, payload: bytes, crop: Crop) -> Any:
    servable, loop = loaded.servable, asyncio.get_running_loop()
    limits = {"max_pixels": services.settings.max_pixels, "detail": servable.detail}
    if is_heic(payload):  # to open one takes longer too
        return await loop.run_in_executor(
            services.decoders, lambda: servable.decode(read_picture(payload, **limits), crop)
        )
    picture = open_picture(payload, **limits)
    if picture.width * picture.height <= SMALL_PIXELS:
        return servable.decode(decoded(picture), crop)
    return await loop.run_in_executor(services.decoders, lambda: servable.decode(decoded(picture), crop))
