"""A version goes live when it is better on the same data, or when one says so."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from app.store.model_store import ModelStore
from app.store.version import CARD, Card
from app.versions.promotion import Incomparable, Rematch, promote
from tests.fakes import publish_tiny
from tests.store_fixtures import BucketStore, StoreFixture


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    made = ModelStore(tmp_path)
    publish_tiny(made, accuracy=0.9)
    made.promote("tiny", 1)
    return made


def test_the_first_version_goes_live(tmp_path: Path):
    store = ModelStore(tmp_path)
    assert promote(store, publish_tiny(store), "if_better")[0]
    assert store.aliases("tiny") == {"live": 1}


@pytest.mark.parametrize(("accuracy", "expected"), [(0.95, True), (0.9, False), (0.85, False)])
def test_a_version_goes_live_if_it_is_better(store: ModelStore, accuracy: float, expected: bool):
    promoted, reason = promote(store, publish_tiny(store, accuracy=accuracy), "if_better")
    assert promoted is expected
    assert f"{accuracy:.4f}" in reason
    assert store.aliases("tiny")["live"] == (2 if expected else 1)


@pytest.mark.parametrize(("loss", "expected"), [(0.95, False), (0.9, False), (0.85, True)])
def test_where_lower_is_better_the_lower_goes_live(store: ModelStore, loss: float, expected: bool):
    promoted, _ = promote(store, publish_tiny(store, accuracy=loss, better="lower"), "if_better")
    assert promoted is expected


def test_what_does_not_go_live_says_what_makes_it_live(store: ModelStore):
    for accuracy, policy in ((0.1, "if_better"), (0.99, "never")):
        card = publish_tiny(store, accuracy=accuracy)
        promoted, reason = promote(store, card, policy)  # type: ignore[arg-type]
        assert (promoted, reason.partition("; ")[2]) == (
            False,
            f"`fitserve models promote tiny {card.version}` makes it live",
        )


def test_figures_from_other_test_data_are_not_compared(store: ModelStore):
    promoted, reason = promote(store, publish_tiny(store, accuracy=0.99, tested_on="other"), "if_better")
    assert not promoted
    assert "version 1 was tested on other data" in reason


@pytest.mark.parametrize(("new", "old", "expected"), [(0.8, 0.7, True), (0.7, 0.7, False), (0.6, 0.7, False)])
def test_where_the_data_changed_both_are_measured_on_the_new_ones(
    store: ModelStore, new: float, old: float, expected: bool
):
    measured = []

    def measure(live: Card) -> Rematch:
        measured.append(live.version)
        return Rematch("test_accuracy", new, old, "higher")

    card = publish_tiny(store, accuracy=new, tested_on="other")
    promoted, reason = promote(store, card, "if_better", measure=measure)
    assert (promoted, measured) == (expected, [1])
    assert f"on the new test data test_accuracy {new:.4f}" in reason


def test_a_version_that_goes_live_while_another_is_measured_is_measured_too(store: ModelStore):
    second = publish_tiny(store, tested_on="elsewhere")
    measured = []

    def measure(live: Card) -> Rematch:
        measured.append(live.version)
        store.promote("tiny", second.version)
        return Rematch("test_accuracy", 0.8, {1: 0.1, 2: 0.9}[live.version], "higher")

    promoted, reason = promote(store, publish_tiny(store, tested_on="other"), "if_better", measure=measure)
    assert (promoted, measured) == (False, [1, 2])
    assert "0.9000 of version 2" in reason


def test_of_a_user_s_own_model_the_newer_version_goes_live_where_they_do_not_compare(store: ModelStore):
    def measure(live: Card) -> Rematch:
        raise Incomparable(f"version {live.version} has other labels")

    card = publish_tiny(store, tested_on="other")
    assert promote(store, card, "if_better", measure=measure)[0] is False
    promoted, reason = promote(store, card, "if_better", own=True, measure=measure)
    assert promoted
    assert "version 1 has other labels" in reason
    assert store.aliases("tiny") == {"live": 2, "previous": 1}


@pytest.mark.parametrize(("policy", "expected"), [("always", True), ("never", False)])
def test_the_wish_decides_when_it_is_plain(store: ModelStore, policy, expected: bool):
    assert promote(store, publish_tiny(store, accuracy=0.1), policy)[0] is expected


def test_promoting_again_after_a_kill_says_the_same(store: ModelStore):
    card = publish_tiny(store, accuracy=0.95)
    assert promote(store, card, "if_better")[0]
    assert promote(store, card, "if_better")[0]
    assert store.aliases("tiny") == {"live": 2, "previous": 1}


@pytest.mark.parametrize("imported", [1, 2])
def test_what_was_imported_has_no_figures_to_compare(store: ModelStore, imported: int):
    card = publish_tiny(store, accuracy=0.99)
    foreign = store.card("tiny", imported).model_copy(update={"data": None, "metrics": {}})
    (store.folder("tiny", imported) / CARD).write_text(foreign.model_dump_json())
    promoted, reason = promote(store, foreign if imported == 2 else card, "if_better")
    assert (promoted, f"version {imported} was imported" in reason) == (False, True)


def test_of_versions_that_are_ready_at_once_the_best_goes_live(store_fixture: StoreFixture):
    rounds, trainers = (12, 3) if isinstance(store_fixture, BucketStore) else (100, 3)
    stores = [store_fixture.store() for _ in range(trainers)]
    publish_tiny(stores[0], accuracy=0.0)
    stores[0].promote("tiny", 1)
    ready = Barrier(trainers)

    def finish(store: ModelStore, card: Card) -> tuple[bool, str]:
        ready.wait(30)
        return promote(store, card, "if_better")

    with ThreadPoolExecutor(trainers) as threads:
        for turn in range(1, rounds + 1):
            figures = [turn / 1000, turn / 1000 + 0.0005, turn / 1000 + 0.0002]
            cards = [publish_tiny(store, accuracy=figure) for store, figure in zip(stores, figures, strict=True)]
            told = list(threads.map(finish, stores, cards))
            assert stores[0].aliases("tiny")["live"] == cards[1].version, told
            assert told[1][0]


def test_a_start_makes_nothing_live_over_what_a_trainer_has_just_promoted(
    store_fixture: StoreFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = store_fixture.store()
    better, newest = publish_tiny(store, accuracy=0.9), publish_tiny(store, accuracy=0.1)
    monkeypatch.setattr(store, "_sound_aliases", lambda _: promote(store_fixture.store(), better, "if_better") and {})
    store.seed(tmp_path / "none")
    assert (store.aliases("tiny"), newest.version) == ({"live": better.version}, 2)
