"""What every store must keep, in a folder or a bucket: versions whole, in order, and unseen until finished."""

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from app.errors import Conflict, Damaged, NotFound, TimedOut
from app.request_context import Caller, current_caller
from app.store.model_store import ModelStore
from app.store.version import CARD, ONNX, Card, checksums, verify
from tests.fakes import publish_tiny, tiny_card
from tests.store_fixtures import LONG_AGO, StoreFixture


@pytest.fixture
def store(store_fixture: StoreFixture) -> ModelStore:
    return store_fixture.store()


def test_an_empty_store_has_nothing(store: ModelStore):
    assert store.models() == []
    assert store.versions("tiny") == []
    assert store.aliases("tiny") == {}


def test_versions_are_numbered_from_one_in_order(store: ModelStore):
    assert [publish_tiny(store).version for _ in range(3)] == [1, 2, 3]
    assert [card.version for card in store.versions("tiny")] == [1, 2, 3]
    assert store.models() == ["tiny"]


def test_a_number_is_not_used_again_for_a_damaged_version(store_fixture: StoreFixture):
    publish_tiny(store_fixture.store())
    store_fixture.remove(f"tiny/1/{CARD}")
    assert publish_tiny(store_fixture.store()).version == 2


def test_a_staged_version_is_invisible(store: ModelStore):
    staged = store.stage("job")
    (staged / ONNX).write_text("0.5")
    assert store.models() == []
    assert store.versions("tiny") == []


def test_a_version_without_a_card_is_none_but_a_fault(store_fixture: StoreFixture):
    for _ in range(2):
        publish_tiny(store_fixture.store())
    store_fixture.remove(f"tiny/2/{CARD}")
    store = store_fixture.store()
    assert [card.version for card in store.versions("tiny")] == [1]
    assert store.faults("tiny") == {2: "2 has no version.json"}
    with pytest.raises(Damaged, match="2 has no"):
        store.card("tiny", 2)


def test_a_version_that_somebody_copied_there_is_one(store_fixture: StoreFixture):
    publish_tiny(store_fixture.store())
    for key in (ONNX, CARD):
        content = store_fixture.read(f"tiny/1/{key}")
        assert content
        store_fixture.write(f"tiny/7/{key}", content.replace(b'"version": 1', b'"version": 7'))
    store = store_fixture.store()
    assert [card.version for card in store.versions("tiny")] == [1, 7]
    assert publish_tiny(store).version == 8


@pytest.mark.parametrize("content", ["", "{", '{"format": 2}', "\xff"])
def test_a_card_that_cannot_be_understood_makes_the_version_damaged(store_fixture: StoreFixture, content: str):
    publish_tiny(store_fixture.store())
    store_fixture.write(f"tiny/1/{CARD}", content.encode("latin-1"))
    with pytest.raises(Damaged):
        store_fixture.store().card("tiny", 1)


def test_a_card_of_another_version_is_damage(store_fixture: StoreFixture):
    publish_tiny(store_fixture.store())
    store_fixture.write(f"tiny/7/{CARD}", store_fixture.read(f"tiny/1/{CARD}") or b"")
    with pytest.raises(Damaged, match="card of tiny 1"):
        store_fixture.store().card("tiny", 7)


def test_an_altered_file_does_not_verify(store_fixture: StoreFixture):
    store = store_fixture.store()
    card = publish_tiny(store)
    store.verify(card)
    store_fixture.write(f"tiny/1/{ONNX}", b"0.6")
    with pytest.raises(Damaged, match="is corrupt"):
        store.verify(card)
    store_fixture.remove(f"tiny/1/{ONNX}")
    with pytest.raises(Damaged, match="lacks"):
        store.verify(card)


def test_a_version_s_files_are_on_this_machine_when_they_are_asked_for(store_fixture: StoreFixture):
    card = publish_tiny(store_fixture.store(), "0.25")
    for folder in (store_fixture.store().folder("tiny", 1), store_fixture.store().verified_path(card)):
        verify(folder, card)
        assert (folder / ONNX).read_text() == "0.25"


def test_files_in_folders_are_files_of_a_version(store: ModelStore):
    staged = store.stage("test")
    (staged / "variables").mkdir()
    (staged / "variables" / "variables.index").write_text("x")
    card = tiny_card().model_copy(update={"files": checksums(staged)})
    store.publish(staged, "tiny", lambda _: card)
    assert (store.folder("tiny", 1) / "variables" / "variables.index").read_text() == "x"
    store.verify(card)


def test_promoting_remembers_what_was_live(store: ModelStore):
    for _ in range(2):
        publish_tiny(store)
    assert store.promote("tiny", 1) == {"live": 1}
    assert store.promote("tiny", 2) == {"live": 2, "previous": 1}
    assert store.promote("tiny", 2) == {"live": 2, "previous": 1}, "promoting twice changes nothing"


def test_rolling_back_exchanges_live_and_previous(store: ModelStore):
    for _ in range(2):
        publish_tiny(store)
    store.promote("tiny", 1)
    with pytest.raises(NotFound, match="previous"):
        store.rollback("tiny")
    store.promote("tiny", 2)
    assert store.rollback("tiny") == {"live": 1, "previous": 2}
    assert store.rollback("tiny") == {"live": 2, "previous": 1}


def test_a_version_that_does_not_exist_cannot_be_promoted(store: ModelStore):
    publish_tiny(store)
    with pytest.raises(NotFound, match="versions: 1"):
        store.promote("tiny", 2)
    assert store.aliases("tiny") == {}


def test_a_reference_is_a_number_or_an_alias(store: ModelStore):
    publish_tiny(store)
    store.set_alias("tiny", "candidate", 1)
    assert store.resolve("tiny", "1") == store.resolve("tiny", "candidate") == 1
    with pytest.raises(NotFound, match="aliases: candidate"):
        store.resolve("tiny", "live")


def test_a_version_with_an_alias_is_not_deleted(store: ModelStore):
    for _ in range(2):
        publish_tiny(store)
    store.promote("tiny", 1)
    with pytest.raises(Conflict, match="live"):
        store.delete("tiny", 1)
    store.delete("tiny", 2)
    assert [card.version for card in store.versions("tiny")] == [1]


@pytest.fixture
def starters(tmp_path: Path) -> Path:
    return tmp_path / "starters"


def test_an_empty_store_gets_the_starters_and_serves_them(store: ModelStore, starters: Path):
    publish_tiny(ModelStore(starters), accuracy=0.9)
    publish_tiny(ModelStore(starters), accuracy=0.99)
    store.seed(starters)
    assert [card.metrics["test_accuracy"] for card in store.versions("tiny")] == [0.9], "only version 1 is a starter"
    assert store.aliases("tiny") == {"live": 1}


def test_seeding_leaves_a_store_alone_that_has_versions(store: ModelStore, starters: Path):
    publish_tiny(ModelStore(starters))
    for _ in range(2):
        publish_tiny(store)
    store.promote("tiny", 1)
    store.seed(starters)
    assert [card.version for card in store.versions("tiny")] == [1, 2]
    assert store.aliases("tiny") == {"live": 1}


def test_a_store_that_is_its_own_starters_only_gets_its_alias(starters: Path):
    store = ModelStore(starters)
    publish_tiny(store)
    store.seed(starters)
    assert store.aliases("tiny") == {"live": 1}
    assert len(store.versions("tiny")) == 1


def test_two_processes_that_start_at_once_copy_a_starter_once(store_fixture: StoreFixture, starters: Path):
    publish_tiny(ModelStore(starters))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: store_fixture.store().seed(starters), range(8)))
    assert [card.version for card in store_fixture.store().versions("tiny")] == [1]
    assert store_fixture.store().aliases("tiny") == {"live": 1}


def test_what_dead_writers_began_is_swept_and_its_number_not_given_again(store_fixture: StoreFixture):
    publish_tiny(store_fixture.store())
    mine = store_fixture.store().stage("mine")
    store_fixture.abandon("dead")
    before = store_fixture.listing()
    store_fixture.store().sweep(["mine", "dead"])
    assert store_fixture.listing() == before
    store_fixture.store().sweep(["mine"])
    assert mine.is_dir()
    assert not [key for key in store_fixture.listing() if key.startswith("tiny/2/")]
    assert store_fixture.store().numbers("tiny") == [1]
    assert store_fixture.store().faults("tiny") == {}


def test_a_start_leaves_alone_what_another_process_that_lives_has_staged(store_fixture: StoreFixture):
    importing, other = store_fixture.store(), store_fixture.store()
    staged = importing.stage("import.1")
    (staged / ONNX).write_text("0.5")
    os.utime(staged, (LONG_AGO, LONG_AGO))
    other.sweep(())
    assert (staged / ONNX).is_file()
    card = importing.publish(staged, "tiny", lambda number: tiny_card(number).model_copy(update={"files": {}}))
    other.sweep(())
    assert other.numbers("tiny") == [card.version]


@pytest.mark.parametrize("how", ["killed", "alive"])
def test_what_a_killed_process_has_staged_goes_and_a_living_ones_stays(store_fixture: StoreFixture, how: str):
    script = (
        "import sys, time, os; from app.settings import Settings; from app.store.opening import open_store\n"
        "staged = (store := open_store(Settings())).stage('import.1')\n"
        f"os.utime(staged, ({LONG_AGO}, {LONG_AGO})); print(staged, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, **store_fixture.settings.environment()}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout
        staged = Path(process.stdout.readline().strip())
        assert staged.is_dir()
        if how == "killed":
            process.kill()
            process.wait()
        store_fixture.store().sweep(())
        assert staged.exists() is (how == "alive")
    finally:
        process.kill()
        process.communicate()


def test_what_a_writer_began_and_did_not_publish_is_discarded(store_fixture: StoreFixture):
    store = store_fixture.store()
    staged = store.stage("job")
    store_fixture.abandon("job")
    store.discard("job")
    assert not staged.exists()
    assert not [key for key in store_fixture.listing() if key.startswith("tiny/1/")]
    assert publish_tiny(store).version in (1, 2)


def test_two_who_publish_at_once_get_two_numbers(store_fixture: StoreFixture):
    with ThreadPoolExecutor(4) as threads:
        cards = list(threads.map(lambda number: publish_tiny(store_fixture.store(), str(number)), range(8)))
    assert sorted(card.version for card in cards) == store_fixture.store().numbers("tiny") == list(range(1, 9))
    for number, card in enumerate(cards):
        assert (store_fixture.store().folder("tiny", card.version) / ONNX).read_text() == str(number)


def test_two_who_move_aliases_at_once_lose_nothing(store_fixture: StoreFixture):
    publish_tiny(store_fixture.store())
    names = [f"alias-{number}" for number in range(16)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda name: store_fixture.store().set_alias("tiny", name, 1), names))
    assert store_fixture.store().aliases("tiny") == dict.fromkeys(names, 1)


def test_one_of_two_wins_when_a_version_is_aliased_and_deleted_at_once(store_fixture: StoreFixture):
    def attempt(number: int) -> str:
        try:
            if number % 2:
                store_fixture.store().delete("tiny", 1 + number // 2)
                return "deleted"
            store_fixture.store().set_alias("tiny", f"alias-{number}", 1 + number // 2)
        except (Conflict, NotFound) as fault:
            return type(fault).__name__
        return "aliased"

    for _ in range(6):
        publish_tiny(store_fixture.store())
    with ThreadPoolExecutor(4) as threads:
        said = Counter(threads.map(attempt, range(12)))
    assert (said["deleted"], said["aliased"]) == (said["NotFound"], said["Conflict"])
    assert said["deleted"] + said["aliased"] == 6
    store = store_fixture.store()
    assert set(store.aliases("tiny").values()) == set(store.numbers("tiny"))


def test_another_process_sees_what_was_written(store_fixture: StoreFixture):
    one, other = store_fixture.store(), store_fixture.store()
    assert other.versions("tiny") == []
    publish_tiny(one)
    assert other.numbers("tiny") == [1]
    one.promote("tiny", 1)
    assert other.aliases("tiny") == {"live": 1}
    publish_tiny(one)
    one.delete("tiny", 2)
    assert [card.version for card in other.versions("tiny")] == [1]
    with pytest.raises(NotFound):
        other.card("tiny", 2)


def test_the_version_of_a_job_is_found_again(store: ModelStore):
    publish_tiny(store, job="a")
    publish_tiny(store, job="b")
    found = store.published_by("tiny", "b")
    assert found is not None
    assert found.version == 2
    assert store.published_by("tiny", "c") is None


def test_a_card_survives_the_way_to_disk_and_back(store: ModelStore):
    card = publish_tiny(store, job="j", accuracy=0.25)
    assert store.card("tiny", 1) == card
    assert card.model_dump(exclude={"files"}) == tiny_card(1, job="j", accuracy=0.25).model_dump(exclude={"files"})


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"aliases": {"live": 0}, "live": "x"}', b"\xff"])
def test_aliases_that_cannot_be_understood_are_set_aside_and_the_newest_goes_live(
    store_fixture: StoreFixture, starters: Path, content: bytes
):
    for _ in range(2):
        publish_tiny(store_fixture.store())
    aside = store_fixture.spoil(aliases=content)
    with pytest.raises(Damaged):
        store_fixture.store().aliases("tiny")
    store_fixture.store().seed(starters)
    assert store_fixture.store().aliases("tiny") == {"live": 2}
    assert store_fixture.read(aside) == content
    assert publish_tiny(store_fixture.store()).version == 3


def test_pruning_keeps_the_newest_and_what_an_alias_names(store: ModelStore):
    for _ in range(6):
        publish_tiny(store)
    store.promote("tiny", 2)
    store.set_alias("tiny", "best", 1)
    assert store.prune("tiny", 2) == [3, 4]
    assert [card.version for card in store.versions("tiny")] == [1, 2, 5, 6]
    assert store.prune("tiny", 100) == []


def test_a_number_is_never_given_twice(store: ModelStore):
    for _ in range(3):
        publish_tiny(store)
    store.delete("tiny", 3)
    store.delete("tiny", 2)
    assert publish_tiny(store).version == 4


def test_a_damaged_version_can_be_deleted(store_fixture: StoreFixture):
    publish_tiny(store_fixture.store())
    store_fixture.remove(f"tiny/1/{CARD}")
    store_fixture.store().delete("tiny", 1)
    assert store_fixture.store().faults("tiny") == {}
    assert not [key for key in store_fixture.listing() if key.startswith("tiny/1/")]


def test_a_version_with_a_share_of_the_requests_is_not_deleted(store: ModelStore):
    for _ in range(3):
        publish_tiny(store)
    store.promote("tiny", 3)
    store.set_split("tiny", {1: 90, 3: 10})
    with pytest.raises(Conflict, match="end the split"):
        store.delete("tiny", 1)
    assert store.prune("tiny", 1) == [2]
    store.end_split("tiny")
    assert store.split("tiny") == {}
    store.delete("tiny", 1)


def test_a_promotion_ends_a_split(store: ModelStore):
    for _ in range(2):
        publish_tiny(store)
    store.promote("tiny", 1)
    store.set_split("tiny", {1: 1, 2: 1})
    store.promote("tiny", 1)
    assert store.split("tiny") == {1: 1, 2: 1}  # nothing moved
    store.promote("tiny", 2)
    assert store.split("tiny") == {}


@pytest.mark.parametrize("content", [b"{", b'{"split": {"x": 1}, "x": 1}', b'{"split": {"1": 0}, "1": 0}', b"[]"])
def test_a_split_that_cannot_be_understood_is_damage(store_fixture: StoreFixture, content: bytes):
    publish_tiny(store_fixture.store())
    store_fixture.spoil(split=content)
    with pytest.raises(Damaged):
        store_fixture.store().split("tiny")


def test_an_alias_is_removed_and_its_version_may_go(store: ModelStore):
    for _ in range(2):
        publish_tiny(store)
    store.promote("tiny", 2)
    store.set_alias("tiny", "candidate", 1)
    assert store.remove_alias("tiny", "candidate") == {"live": 2}
    store.delete("tiny", 1)
    with pytest.raises(NotFound, match="candidate"):
        store.remove_alias("tiny", "candidate")
    with pytest.raises(Conflict, match="live"):
        store.remove_alias("tiny", "live")


def test_a_withdrawn_version_is_a_fault_until_it_is_promoted_again(store_fixture: StoreFixture):
    for _ in range(3):
        publish_tiny(store_fixture.store())
    store_fixture.store().promote("tiny", 1)
    store_fixture.store().withdraw("tiny", 2, "it ran away")
    store_fixture.store().withdraw("tiny", 3, "so did it")
    store = store_fixture.store()
    assert store.faults("tiny") == {2: "it ran away", 3: "so did it"}
    assert store.register("tiny").withdrawn == {2: "it ran away", 3: "so did it"}
    assert store.aliases("tiny") == {"live": 1}
    store.promote("tiny", 3)
    assert store_fixture.store().faults("tiny") == {2: "it ran away"}
    store.delete("tiny", 2)
    assert store_fixture.store().faults("tiny") == {}
    store.withdraw("tiny", 3, "again")
    assert (store_fixture.store().faults("tiny"), store.aliases("tiny")["live"]) == ({3: "again"}, 3)
    store.promote("tiny", 3)
    assert store_fixture.store().faults("tiny") == {}


def test_a_start_promotes_nothing_that_was_withdrawn(store_fixture: StoreFixture, tmp_path: Path):
    for _ in range(2):
        publish_tiny(store_fixture.store())
    store_fixture.store().withdraw("tiny", 2, "it ran away")
    store_fixture.store().seed(tmp_path / "none")
    assert store_fixture.store().aliases("tiny") == {"live": 1}


@pytest.mark.parametrize("deed", ["publish", "promote", "delete"])
def test_what_nobody_waits_for_any_more_is_not_done(store_fixture: StoreFixture, deed: str):
    """A request that was answered with an error changes nothing, however far it had come."""
    store = store_fixture.store()
    for _ in range(2):
        publish_tiny(store)
    deeds = {
        "publish": lambda: publish_tiny(store),
        "promote": lambda: store.promote("tiny", 2),
        "delete": lambda: store.delete("tiny", 1),
    }
    waiting = Caller()
    assert waiting.give_up()
    token = current_caller.set(waiting)
    try:
        with pytest.raises(TimedOut):
            deeds[deed]()
    finally:
        current_caller.reset(token)
    assert [card.version for card in store_fixture.store().versions("tiny")] == [1, 2]
    assert store_fixture.store().aliases("tiny") == {}


def test_a_model_is_deleted_with_all_that_points_at_it_and_its_numbers_are_not_given_again(store_fixture: StoreFixture):
    store, other = store_fixture.store(), store_fixture.store()
    for _ in range(2):
        publish_tiny(store, model="mine")
    publish_tiny(store)
    store.promote("mine", 1)
    store.set_alias("mine", "candidate", 2)
    assert other.models() == ["mine", "tiny"]
    store.delete_model("mine")
    for one in (store, other, store_fixture.store()):
        assert (one.models(), one.versions("mine"), one.aliases("mine")) == (["tiny"], [], {})
        assert one.family("mine") is None
    assert not [key for key in store_fixture.listing() if key.startswith(("mine/1/", "mine/2/"))]
    assert publish_tiny(other, model="mine").version == 3
    assert store.aliases("mine") == {}


def test_a_model_that_is_not_there_cannot_be_deleted(store_fixture: StoreFixture):
    store = store_fixture.store()
    publish_tiny(store)
    with pytest.raises(NotFound, match="models: tiny"):
        store.delete_model("mine")
    assert [key for key in store_fixture.listing() if key.startswith("mine")] == []


def test_a_deletion_whose_caller_has_given_up_never_happens(store_fixture: StoreFixture):
    store = store_fixture.store()
    publish_tiny(store, model="mine")
    caller = Caller()
    assert caller.give_up()
    token = current_caller.set(caller)
    try:
        with pytest.raises(TimedOut):
            store.delete_model("mine")
    finally:
        current_caller.reset(token)
    assert store_fixture.store().numbers("mine") == [1]


def test_a_model_is_of_the_family_of_its_versions_and_of_no_other(store_fixture: StoreFixture):
    store = store_fixture.store()
    publish_tiny(store, model="mine")
    assert store.family("mine") == "tiny"
    staged = store.stage("test")
    with pytest.raises(Conflict, match="is a model of the family tiny"):
        store.publish(
            staged, "mine", lambda number: tiny_card(number).model_copy(update={"model": "mine", "family": "other"})
        )
    assert store_fixture.store().numbers("mine") == [1]


def test_of_two_families_that_publish_under_a_new_name_at_once_one_gets_it(store_fixture: StoreFixture):
    stores = [store_fixture.store() for _ in range(2)]
    both = Barrier(2)

    def publish(store: ModelStore, family: str) -> str:
        staged = store.stage(family)
        (staged / ONNX).write_text("0.5")

        def card(number: int) -> Card:
            facts = {"model": "mine", "family": family, "files": checksums(staged)}
            return tiny_card(number).model_copy(update=facts)

        both.wait(30)
        try:
            return store.publish(staged, "mine", card).family
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(2) as threads:
        told = sorted(threads.map(publish, stores, ("one", "other")))
    assert told.count("refused") == 1
    assert {card.family for card in store_fixture.store().versions("mine")} == set(told) - {"refused"}
