"""Loading a stored version in a test, without the service."""

from typing import Any

from app.families.contract import Family
from app.serving.loading import make_servable
from app.serving.runtimes.protocol import Runtime
from app.store.model_store import ModelStore
from app.store.version import Card


def load_version(store: ModelStore, runtime: Runtime, family: Family, model: str, version: int) -> tuple[Card, Any]:
    """The card and the servable of a version that has answered once.

    Raises NotFound, Damaged, Runaway or SystemFault.
    """
    card = store.card(model, version)
    return card, make_servable(card, store.verified_path(card), runtime, family)
