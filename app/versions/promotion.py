"""Whether a new version goes live."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from app.jobs.job import Promote
from app.store.model_store import ModelStore
from app.store.version import Better, Card


@dataclass(frozen=True)
class Rematch:
    """A new version and the live one, both measured on the test data of the new one."""

    figure: str
    new: float
    old: float
    better: Better


class Incomparable(Exception):
    """Two versions that cannot be measured on the same data; the message is a clause that says why."""


Measure: TypeAlias = Callable[[Card], Rematch]


class _Unmeasured(Exception):
    """The live version is to be measured before it can be decided."""

    def __init__(self, live: Card) -> None:
        super().__init__()
        self.live = live


def no_data(live: Card) -> Rematch:
    """For whoever has no data at hand to measure the live version on."""
    raise Incomparable(f"version {live.version} was tested on other data")


def promote(
    store: ModelStore, card: Card, policy: Promote, *, own: bool = False, measure: Measure = no_data
) -> tuple[bool, str]:
    """Make the version live if it should be; returns whether, and why. What is not says what makes it live.

    It is compared with what is live at that very moment, whoever else promotes. `measure` measures both on the new test
    data where they were tested on different ones, or raises Incomparable: then the version of a user's `own` model goes
    live, and that of a built-in model does not.
    """
    measured: dict[int, Rematch | Incomparable] = {}
    verdict = False, ""

    def should_promote(live: int | None) -> bool:
        nonlocal verdict
        verdict = _verdict(store, card, policy, live, measured, own=own)
        return verdict[0]

    while True:
        try:
            store.promote(card.model, card.version, should_promote)
            break
        except _Unmeasured as unmeasured:  # outside of what nobody else may change meanwhile: it takes time
            measured[unmeasured.live.version] = _measured(measure, unmeasured.live)
    promoted, reason = verdict
    if promoted:
        return True, reason
    return False, f"{reason}; `fitserve models promote {card.model} {card.version}` makes it live"


def _measured(measure: Measure, live: Card) -> Rematch | Incomparable:
    try:
        return measure(live)
    except Incomparable as fault:
        return fault


def _verdict(
    store: ModelStore,
    card: Card,
    policy: Promote,
    number: int | None,
    measured: Mapping[int, Rematch | Incomparable],
    *,
    own: bool,
) -> tuple[bool, str]:
    """Whether a new version should become live where `number` is, and why."""
    if card.diverged:
        return False, f"its training diverged: {card.diverged}"
    if policy != "if_better":
        return policy == "always", f"promote is {policy!r}"
    if number in (None, card.version):
        return True, "no other version was live"
    live = store.card(card.model, number)
    if card.data is None or live.data is None:
        return False, f"version {number if live.data is None else card.version} was imported and has no metrics"
    if live.data.test_fingerprint == card.data.test_fingerprint:
        figure = card.primary_metric
        return _compared(Rematch(figure, card.metrics[figure], live.metrics[figure], card.better), live)
    if number not in measured:
        raise _Unmeasured(live)
    found = measured[number]
    if isinstance(found, Rematch):
        improved, comparison = _compared(found, live)
        return improved, f"on the new test data {comparison}"
    if own:
        return (
            True,
            f"it cannot be compared with version {number}, as {found}: the newer version of your own model goes live",
        )
    return False, f"it cannot be compared with version {number}, as {found}"


def _compared(match: Rematch, live: Card) -> tuple[bool, str]:
    improved = match.new > match.old if match.better == "higher" else match.new < match.old
    word = "better" if improved else "no better"
    return improved, f"{match.figure} {match.new:.4f} is {word} than {match.old:.4f} of version {live.version}"
