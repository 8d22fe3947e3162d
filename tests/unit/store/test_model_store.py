"""The store keeps versions whole, in order, and out of sight until they are finished."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import Conflict, Damaged, NotFound
from app.store.model_store import ModelStore
from app.store.version import CARD, ONNX, verify
from tests.fakes import publish_tiny, tiny_card


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


def test_an_empty_store_has_nothing(store: ModelStore):
    assert store.models() == []
    assert store.versions("tiny") == []
    assert store.aliases("tiny") == {}


def test_versions_are_numbered_from_one_in_order(store: ModelStore):
    assert [publish_tiny(store).version for _ in range(3)] == [1, 2, 3]
    assert [card.version for card in store.versions("tiny")] == [1, 2, 3]
    assert store.models() == ["tiny"]


def test_a_number_is_not_used_again_for_a_damaged_version(store: ModelStore):
    publish_tiny(store)
    (store.folder("tiny", 1) / CARD).unlink()
    assert publish_tiny(store).version == 2


def test_a_staged_version_is_invisible(store: ModelStore):
    staged = store.stage("job")
    (staged / ONNX).write_text("0.5")
    assert store.models() == []
    assert store.versions("tiny") == []


def test_a_folder_without_a_card_is_no_version_but_a_fault(store: ModelStore):
    publish_tiny(store)
    (store.root / "tiny" / "2").mkdir()
    assert [card.version for card in store.versions("tiny")] == [1]
    assert list(store.faults("tiny")) == [2]


@pytest.mark.parametrize("content", ["", "{", '{"format": 2}', "\xff"])
def test_a_card_that_cannot_be_understood_makes_the_version_damaged(store: ModelStore, content: str):
    publish_tiny(store)
    (store.folder("tiny", 1) / CARD).write_bytes(content.encode("latin-1"))
    with pytest.raises(Damaged):
        store.card("tiny", 1)


def test_a_card_of_another_version_is_damage(store: ModelStore):
    publish_tiny(store)
    store.folder("tiny", 1).rename(store.folder("tiny", 7))
    with pytest.raises(Damaged, match="card of tiny 1"):
        store.card("tiny", 7)


def test_an_altered_file_does_not_verify(store: ModelStore):
    card = publish_tiny(store)
    folder = store.folder("tiny", 1)
    verify(folder, card)
    (folder / ONNX).write_text("0.6")
    with pytest.raises(Damaged, match="altered"):
        verify(folder, card)
    (folder / ONNX).unlink()
    with pytest.raises(Damaged, match="lacks"):
        verify(folder, card)


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


def test_an_empty_store_gets_the_starters_and_serves_them(store: ModelStore, tmp_path: Path):
    starters = ModelStore(tmp_path / "starters")
    publish_tiny(starters, accuracy=0.9)
    publish_tiny(starters, accuracy=0.99)
    store.seed(starters.root)
    assert [card.metrics["test_accuracy"] for card in store.versions("tiny")] == [0.9], "only version 1 is a starter"
    assert store.aliases("tiny") == {"live": 1}


def test_seeding_leaves_a_store_alone_that_has_versions(store: ModelStore, tmp_path: Path):
    starters = ModelStore(tmp_path / "starters")
    publish_tiny(starters)
    for _ in range(2):
        publish_tiny(store)
    store.promote("tiny", 1)
    store.seed(starters.root)
    assert [card.version for card in store.versions("tiny")] == [1, 2]
    assert store.aliases("tiny") == {"live": 1}


def test_a_store_that_is_its_own_starters_only_gets_its_alias(store: ModelStore):
    publish_tiny(store)
    store.seed(store.root)
    assert store.aliases("tiny") == {"live": 1}
    assert len(store.versions("tiny")) == 1


def test_two_processes_that_start_at_once_copy_a_starter_once(store: ModelStore, tmp_path: Path):
    starters = ModelStore(tmp_path / "starters")
    publish_tiny(starters)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: ModelStore(store.root).seed(starters.root), range(8)))
    assert [card.version for card in store.versions("tiny")] == [1]


def test_what_dead_writers_staged_is_swept(store: ModelStore):
    mine, dead = store.stage("mine"), store.stage("dead")
    store.sweep(["mine"])
    assert mine.is_dir()
    assert not dead.exists()


def test_the_version_of_a_job_is_found_again(store: ModelStore):
    publish_tiny(store, job="a")
    publish_tiny(store, job="b")
    found = store.published_by("tiny", "b")
    assert found is not None
    assert found.version == 2
    assert store.published_by("tiny", "c") is None


def test_aliases_on_disk_are_always_whole(store: ModelStore):
    publish_tiny(store)
    store.promote("tiny", 1)
    files = [path.name for path in (store.root / "tiny").iterdir() if path.is_file()]
    assert sorted(files) == [".lock", "aliases.json"], "nothing half-written is left"
    assert json.loads((store.root / "tiny" / "aliases.json").read_text()) == {"live": 1}


def test_a_card_survives_the_way_to_disk_and_back(store: ModelStore):
    card = publish_tiny(store, job="j", accuracy=0.25)
    assert store.card("tiny", 1) == card
    assert card.model_dump(exclude={"files"}) == tiny_card(1, job="j", accuracy=0.25).model_dump(exclude={"files"})


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"live": "x"}', b'{"live": 0}', b"\xff"])
def test_aliases_that_cannot_be_understood_are_set_aside_and_the_newest_goes_live(
    store: ModelStore, tmp_path: Path, content: bytes
):
    for _ in range(2):
        publish_tiny(store)
    path = store.root / "tiny" / "aliases.json"
    path.write_bytes(content)
    with pytest.raises(Damaged):
        store.aliases("tiny")
    store.seed(tmp_path / "none")
    assert store.aliases("tiny") == {"live": 2}
    assert path.with_suffix(".damaged").read_bytes() == content


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


def test_a_damaged_version_can_be_deleted(store: ModelStore):
    publish_tiny(store)
    (store.folder("tiny", 1) / CARD).unlink()
    store.delete("tiny", 1)
    assert store.faults("tiny") == {}


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


@pytest.mark.parametrize("content", ["{", '{"x": 1}', '{"1": 0}', '{"1": -1}', "[]"])
def test_a_split_that_cannot_be_understood_is_damage(store: ModelStore, content: str):
    publish_tiny(store)
    (store.root / "tiny" / "traffic.json").write_text(content)
    with pytest.raises(Damaged):
        store.split("tiny")


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
