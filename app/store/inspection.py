"""A look through a whole store: every byte of every version, and every alias."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.errors import Damaged, SystemFault
from app.store.reader import StoreReader
from app.store.version import Card


@dataclass(frozen=True)
class StoreCheck:
    """What became of one version, or where `version` is None of what points at them; without a fault it is sound."""

    model: str
    version: int | None
    fault: str | None


def inspect(store: StoreReader) -> Iterator[StoreCheck]:
    """Go through the store, model by model; nothing is changed."""
    for model in store.models():
        for version, card in store.inspect_versions(model):
            yield StoreCheck(model, version, _file_fault(store, card) if isinstance(card, Card) else str(card))
        yield StoreCheck(model, None, _alias_fault(store, model))


def _file_fault(store: StoreReader, card: Card) -> str | None:
    try:
        store.verify(card)
    except (Damaged, SystemFault) as fault:
        return str(fault)
    return None


def _alias_fault(store: StoreReader, model: str) -> str | None:
    try:
        aliases = store.aliases(model) | {
            f"a share of {weight:g}": number for number, weight in store.split(model).items()
        }
    except Damaged as fault:
        return str(fault)
    lost = [f"{alias} points at {number}" for alias, number in aliases.items() if number not in store.numbers(model)]
    return f"no such version: {', '.join(lost)}" if lost else None
