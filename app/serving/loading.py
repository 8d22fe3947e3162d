"""Loading one version: every byte checked, then the family's servable over the runtime's executable."""

from typing import Any

import numpy as np

from app.errors import Damaged, FitserveError
from app.families.contract import Family, load
from app.serving.runtime import Runtime
from app.store.model_store import ModelStore
from app.store.version import Card, verify


def load_version(store: ModelStore, runtime: Runtime, family: Family, model: str, version: int) -> tuple[Card, Any]:
    """The card and the servable of a version that has answered once; raises NotFound or Damaged."""
    card = store.card(model, version)
    folder = store.folder(model, version)
    verify(folder, card)
    try:
        made = load(family.servable)
        if family.task == "generate":  # such a version is a network and its vocabulary
            servable = made(card, runtime.load(folder), folder)
            servable.step(np.zeros(1, np.int64), servable.blank(1))
        else:
            servable = made(card, runtime.load(folder))
            servable.predict([servable.example()])
    except FitserveError:
        raise
    except Exception as fault:
        raise Damaged(f"version {version} of {model} fails when it runs: {fault}") from fault
    return card, servable
