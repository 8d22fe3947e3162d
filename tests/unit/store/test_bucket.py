"""What only a bucket can do to a store: fail, lose an answer, ignore a condition; and what a machine keeps of it."""

import os
import threading
import time
from pathlib import Path

import pytest

from app.errors import Conflict, Damaged, NotFound, Unavailable
from app.paths import Bucket
from app.store.bucket import BucketBackend
from app.store.bucket_models import REGISTER
from app.store.model_store import ModelStore
from app.store.objects import Objects
from app.store.s3_connection import Connection
from app.store.version import CARD, ONNX, Card
from tests.bucket_server import BUCKET, BucketServer
from tests.fakes import publish_tiny, tiny_card
from tests.store_fixtures import BucketStore


@pytest.fixture
def store_fixture(bucket_server: BucketServer, tmp_path: Path) -> BucketStore:
    return BucketStore(bucket_server, tmp_path)


@pytest.fixture
def patient(bucket_server: BucketServer, tmp_path: Path) -> BucketStore:
    """A store whose calls are tried again for ten seconds."""
    return BucketStore(bucket_server, tmp_path, patience=10)


@pytest.fixture
def store(store_fixture: BucketStore) -> ModelStore:
    return store_fixture.store()


def objects(bucket: Bucket, timeout: float = 5) -> Objects:
    """With a connection of their own."""
    return Objects(bucket, Connection(timeout))


# ---- failures


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (503, "ServiceUnavailable", "does not work now"),
        (500, "InternalError", "does not work now"),
        (403, "InvalidAccessKeyId", "rejects these credentials"),
        (403, "AccessDenied", "rejects these credentials"),
    ],
)
def test_what_is_wrong_with_the_bucket_is_said_in_a_sentence(
    store_fixture: BucketStore, store: ModelStore, status: int, code: str, said: str
):
    with store_fixture.server.failing(status, code):
        for call in (
            lambda: store.versions("tiny"),
            lambda: store.models(),
            lambda: store.promote("tiny", 1),
            lambda: publish_tiny(store),
            lambda: store.seed(Path("none")),
        ):
            with pytest.raises(
                Unavailable, match=f"{store_fixture.settings.store} at {store_fixture.server.url} {said}"
            ):
                call()
    publish_tiny(store)


@pytest.mark.usefixtures("bucket_server")
def test_a_bucket_that_is_not_there_is_named():
    with pytest.raises(Unavailable, match="there is no bucket 'nowhere'"):
        objects(Bucket("nowhere")).get("x")


def test_a_bucket_that_is_silent_is_given_up_after_a_while(store_fixture: BucketStore):
    hurried = objects(Bucket(BUCKET), timeout=0.3)
    assert hurried.get("x") is None
    with store_fixture.server.silent():
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="does not work now"):
            hurried.get("x")
        assert time.monotonic() - begun < 5


@pytest.mark.usefixtures("bucket_server")
def test_without_credentials_it_is_said_which_variables_hold_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Unavailable, match="AWS_ACCESS_KEY_ID"):
        objects(Bucket(BUCKET)).get("x")


def test_a_bucket_that_ignores_conditions_is_refused(store_fixture: BucketStore, store: ModelStore, tmp_path: Path):
    with (
        store_fixture.server.failing(heedless=True),
        pytest.raises(Unavailable, match="ignores If-Match or If-None-Match"),
    ):
        store.seed(tmp_path / "none")
    store.seed(tmp_path / "none")


def test_a_patient_writer_outlasts_a_short_outage(patient: BucketStore):
    store = patient.store()
    publish_tiny(store)
    with patient.server.failing():
        writer = threading.Thread(target=publish_tiny, args=(store,))
        writer.start()
        time.sleep(0.5)
        assert writer.is_alive()
    writer.join()
    assert patient.store().numbers("tiny") == [1, 2]


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_an_answer_that_is_lost_does_nothing_twice(patient: BucketStore, nth: int):
    """Each write of each change is done once and answered with an error; botocore and the store try again."""
    store = patient.store()
    for _ in range(3):
        publish_tiny(store)
    store.promote("tiny", 1)
    store.promote("tiny", 2)

    with patient.server.failing(500, only="PUT", done=True, times=nth):
        assert store.rollback("tiny") == {"live": 1, "previous": 2}
    with patient.server.failing(500, only="PUT", done=True, times=nth):
        store.delete("tiny", 3)
    with patient.server.failing(500, only="PUT", done=True, times=nth):
        assert publish_tiny(store).version >= 4
    store.discard("test")
    assert store.numbers("tiny")[:2] == [1, 2]
    assert len(store.numbers("tiny")) == 3
    assert store.aliases("tiny") == {"live": 1, "previous": 2}
    assert patient.register().uploads == {}
    assert patient.register().deletions == ()


def test_an_upload_that_was_taken_for_abandoned_does_not_come_into_sight(
    store_fixture: BucketStore, store: ModelStore, tmp_path: Path
):
    def card(number: int) -> Card:
        store_fixture.on(tmp_path / "elsewhere").discard("slow")
        return tiny_card(number)

    staged = store.stage("slow")
    (staged / ONNX).write_text("0.5")
    with pytest.raises(Conflict, match="treated as abandoned"):
        store.publish(staged, "tiny", card)
    assert store_fixture.store().numbers("tiny") == []
    assert publish_tiny(store).version == 2
    store_fixture.store().sweep(())
    assert not [key for key in store_fixture.listing() if key.startswith("tiny/1/")]


def test_a_version_is_in_sight_only_when_all_of_it_is_there(store_fixture: BucketStore, store: ModelStore):
    seen = []

    def card(number: int) -> Card:
        seen.append(store_fixture.store().numbers("tiny"))
        return tiny_card(number)

    staged = store.stage("test")
    (staged / ONNX).write_text("0.5")
    store.publish(staged, "tiny", card)
    assert seen == [[]]
    assert store_fixture.store().numbers("tiny") == [1]


def test_who_holds_the_turn_and_dies_is_waited_for_no_longer_than_a_minute(
    store_fixture: BucketStore, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.store.bucket.SEED_LOCK_SECONDS", 0.5)
    publish_tiny(ModelStore(tmp_path / "starters"))
    store_fixture.write(".turn", b"of somebody who was killed")
    store.seed(tmp_path / "starters")
    assert store.numbers("tiny") == [1]
    assert store_fixture.read(".turn") is None


# ---- what it costs


def test_looking_again_at_what_has_not_changed_is_one_request(store_fixture: BucketStore, store: ModelStore):
    for _ in range(3):
        publish_tiny(store)
    store.promote("tiny", 1)
    store.versions("tiny")
    before = store_fixture.server.requests
    assert [card.version for card in store.versions("tiny")] == [1, 2, 3]
    assert store_fixture.server.requests - before == 1
    store.register("tiny")
    assert store_fixture.server.requests - before == 2


# ---- the cache


def cached(store_fixture: BucketStore) -> list[int]:
    home = store_fixture.settings.local_folder / "tiny"
    return sorted(int(path.name) for path in home.iterdir()) if home.exists() else []


def test_what_was_published_or_fetched_here_is_not_fetched_again(store_fixture: BucketStore, store: ModelStore):
    card = publish_tiny(store)
    before = store_fixture.server.requests
    store.verified_path(card)
    assert store_fixture.server.requests == before
    assert cached(store_fixture) == [1]


def test_what_was_altered_on_this_machine_is_fetched_again(store: ModelStore):
    card = publish_tiny(store, "0.25")
    path = store.verified_path(card) / ONNX
    path.write_text("0.75")
    assert (store.verified_path(card) / ONNX).read_text() == "0.25"


def test_what_was_altered_in_the_bucket_never_reaches_the_cache(store_fixture: BucketStore, store: ModelStore):
    card = publish_tiny(store)
    store_fixture.write(f"tiny/1/{ONNX}", b"0.75")
    store_fixture.settings.local_folder.joinpath("tiny", "1", CARD).unlink()
    for fetch in (store.verified_path, lambda card: store.folder(card.model, card.version)):
        with pytest.raises(Damaged, match="is corrupt"):
            fetch(card)
    assert list((store_fixture.settings.local_folder / ".staging").iterdir()) == []


def test_another_bucket_of_the_same_name_is_not_taken_for_this_one(store_fixture: BucketStore):
    publish_tiny(store_fixture.store(), "0.25", accuracy=0.1)
    for key in store_fixture.objects.listing(""):
        store_fixture.remove(key)
    publish_tiny(store_fixture.store(), "0.75", accuracy=0.2)
    assert (store_fixture.store().folder("tiny", 1) / ONNX).read_text() == "0.75"


def test_the_cache_stays_within_its_bound_and_the_longest_unused_goes_first(store_fixture: BucketStore):
    small = ModelStore(BucketBackend(store_fixture.objects, store_fixture.settings.local_folder, max_cache_bytes=9000))
    for _ in range(3):
        publish_tiny(small, "1" * 3000)
    assert cached(store_fixture) == [1, 2, 3], "what was used just now stays, whatever the bound"
    for age, number in ((3000, 2), (2000, 1), (1000, 3)):
        long_ago = time.time() - age
        os.utime(store_fixture.settings.local_folder / "tiny" / str(number) / CARD, (long_ago, long_ago))
    publish_tiny(small, "1" * 3000)
    assert cached(store_fixture) == [3, 4]
    assert len((small.folder("tiny", 2) / ONNX).read_text()) == 3000


def test_a_deleted_version_leaves_the_cache(store_fixture: BucketStore, store: ModelStore):
    publish_tiny(store)
    store.delete("tiny", 1)
    assert cached(store_fixture) == []


def test_a_name_that_leads_out_of_the_folder_is_not_followed(
    store_fixture: BucketStore, store: ModelStore, tmp_path: Path
):
    card = publish_tiny(store)
    outside = card.model_copy(update={"files": card.files | {"../../../../outside": card.files[ONNX]}})
    store_fixture.write(f"tiny/1/{CARD}", outside.model_dump_json().encode())
    store_fixture.write("tiny/1/../../../../outside", b"0.5")
    with pytest.raises(Damaged, match="lacks"):
        store_fixture.store().folder("tiny", 1)
    assert not list(tmp_path.rglob("outside"))


def test_a_register_of_a_later_format_is_not_understood_and_not_overwritten(
    store_fixture: BucketStore, store: ModelStore
):
    publish_tiny(store)
    later = (store_fixture.read(f"tiny/{REGISTER}") or b"").replace(b'"format": 1', b'"format": 2')
    store_fixture.write(f"tiny/{REGISTER}", later)
    for change in (lambda: store.promote("tiny", 1), lambda: store.end_split("tiny"), lambda: publish_tiny(store)):
        with pytest.raises(Damaged):
            change()
    assert store_fixture.read(f"tiny/{REGISTER}") == later
    with pytest.raises((Damaged, NotFound)):
        store.resolve("tiny", "live")
