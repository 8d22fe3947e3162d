"""The store that the settings name."""

from app.paths import Bucket
from app.settings import Settings
from app.store.model_store import ModelStore


def open_store(settings: Settings, retry_seconds: float = 0.0) -> ModelStore:
    """The store in a folder or a bucket; nothing is touched yet.

    `retry_seconds` is for how many seconds a bucket that does not work is tried again.
    """
    if not isinstance(settings.store, Bucket):
        return ModelStore(settings.store)
    from app.store.bucket import BucketBackend  # noqa: PLC0415  what a folder does not need
    from app.store.objects import Objects  # noqa: PLC0415
    from app.store.s3_connection import Connection  # noqa: PLC0415

    objects = Objects(settings.store, Connection(settings.store_timeout_seconds), retry_seconds)
    return ModelStore(BucketBackend(objects, settings.local_folder, settings.max_cache_bytes))
