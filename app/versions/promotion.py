"""Whether a new version goes live."""

from app.jobs.job import Promote
from app.store.model_store import ModelStore
from app.store.version import Card


def promote(store: ModelStore, card: Card, wish: Promote) -> tuple[bool, str]:
    """Make the version live if it should be; returns whether, and why.

    It is compared with what is live at that very moment, whoever else promotes.
    """
    verdict = False, ""

    def worth(live: int | None) -> bool:
        nonlocal verdict
        verdict = worth_promoting(store, card, wish, live)
        return verdict[0]

    store.promote(card.model, card.version, worth)
    return verdict


def worth_promoting(store: ModelStore, card: Card, wish: Promote, number: int | None) -> tuple[bool, str]:
    """Whether a new version should become live where `number` is, and why."""
    if card.diverged:
        return False, f"its training diverged: {card.diverged}"
    if wish != "if_better":
        return wish == "always", f"promote is {wish!r}"
    if number in (None, card.version):
        return True, "no other version was live"
    live = store.card(card.model, number)
    if card.data is None or live.data is None:
        return False, f"version {number if live.data is None else card.version} was imported and has no metrics"
    if live.data.test_fingerprint != card.data.test_fingerprint:
        return False, f"it was tested on {card.data.name}, version {number} on other data ({live.data.name})"
    new, old = card.metrics[card.primary_metric], live.metrics[card.primary_metric]
    improved = new > old if card.better == "higher" else new < old
    word = "better" if improved else "no better"
    return improved, f"{card.primary_metric} {new:.4f} is {word} than {old:.4f} of version {number}"
