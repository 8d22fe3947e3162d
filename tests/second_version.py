"""A second version that answers a little differently, so that nobody can take one for the other."""

import shutil

from app.settings import STARTERS
from app.store.model_store import ModelStore
from app.store.version import Calibration, Card, read_card

FLATTER = Calibration(temperature=3.0, fitted_on="validation", examples=1, familiar_from=0.0)


def publish_second_version(store: ModelStore, model: str = "digit") -> Card:
    """Fill a store with the starters, and publish that of `model` again as version 2: the same labels, less sure."""
    store.seed(STARTERS)
    card = read_card(STARTERS / model / "1").model_copy(update={"calibration": FLATTER})
    staged = store.stage("second")
    shutil.copytree(STARTERS / model / "1", staged, dirs_exist_ok=True)
    return store.publish(staged, model, lambda number: card.model_copy(update={"version": number}))
