"""From the bytes of a picture to an instance, where it costs the least."""

import asyncio
from typing import Any

from app import metrics, tracing
from app.bootstrap import Services
from app.families.contract import Crop
from app.families.imaging import decoded, open_picture
from app.serving.loading import Loaded

SMALL_PIXELS = 32 * 32  # decoded sooner than a thread takes over


async def decode(services: Services, loaded: Loaded, payload: bytes, crop: Crop | None = None) -> Any:
    """The instance in the bytes; what takes longer than a thread hop is done in a thread. Raises Busy."""
    loaded.batcher.check_room()
    with metrics.decode_seconds.time(), tracing.span("decode"):
        return await _decoded(services, loaded, payload, crop or services.settings.crop)


async def _decoded(services: Services, loaded: Loaded, payload: bytes, crop: Crop) -> Any:
    picture = open_picture(payload, max_pixels=services.settings.max_pixels)
    if picture.width * picture.height <= SMALL_PIXELS:
        return loaded.servable.decode(decoded(picture, loaded.servable.detail), crop)
    loop = asyncio.get_running_loop()
    servable = loaded.servable
    return await loop.run_in_executor(
        services.decoders, lambda: servable.decode(decoded(picture, servable.detail), crop)
    )
