"""Whether a new version goes live."""

from app.jobs.job import Promote
from app.store.model_store import LIVE, ModelStore
from app.store.version import Card


def promote(store: ModelStore, card: Card, wish: Promote) -> tuple[bool, str]:
    """Make the version live if it should be; returns whether, and why."""
    promoted, reason = worth_promoting(store, card, wish)
    if promoted:
        store.promote(card.model, card.version)
    return promoted, reason


def worth_promoting(store: ModelStore, card: Card, wish: Promote) -> tuple[bool, str]:
    """Whether a new version should become live, and why."""
    if wish != "if_better":
        return wish == "always", f"promote is {wish!r}"
    number = store.aliases(card.model).get(LIVE)
    if number in (None, card.version):
        return True, "nothing else was live"
    live = store.card(card.model, number)
    if card.data is None or live.data is None:
        return False, f"version {number if live.data is None else card.version} was imported and has no figures"
    if live.data.test_fingerprint != card.data.test_fingerprint:
        return False, f"it was tested on {card.data.name}, version {number} on other data ({live.data.name})"
    new, old = card.metrics[card.primary_metric], live.metrics[card.primary_metric]
    improved = new > old if card.better == "higher" else new < old
    word = "better" if improved else "no better"
    return improved, f"{card.primary_metric} {new:.4f} is {word} than {old:.4f} of version {number}"
