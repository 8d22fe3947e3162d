"""The servables: a new version takes over when it is ready, and not before."""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import Conflict, Damaged, NotFound, Runaway, Unavailable
from app.serving.loading import ServingLimits
from app.serving.servables import Servables
from app.store.model_store import SHADOW, ModelStore
from app.store.version import CARD, ONNX, TensorCard
from tests.fakes import TINY, TinyRuntime, publish_tiny

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path)


@pytest.fixture
async def servables(store: ModelStore) -> AsyncIterator[Servables]:
    made = Servables(store, {"tiny": TINY}, TinyRuntime(), ServingLimits(max_batch=4, max_queue_size=16, max_loaded=2))
    yield made
    made.close()


async def answer(servables: Servables, number: float, version: str | None = None, model: str = "tiny") -> str:
    loaded: Any = await servables.get(model, version)
    (future,) = loaded.batcher.submit([loaded.servable.decode(number)])
    label: str = loaded.servable.answer(await future, 1).label
    return label


async def test_a_model_without_a_version_says_how_to_get_one(servables: Servables):
    await servables.open()
    with pytest.raises(Conflict, match="POST /train/tiny"):
        servables.live("tiny")


async def test_the_live_version_answers(servables: Servables, store: ModelStore):
    publish_tiny(store, "0.5")
    store.promote("tiny", 1)
    await servables.open()
    assert [await answer(servables, 0.4), await answer(servables, 0.6)] == ["cold", "warm"]


async def test_a_promoted_version_takes_over_without_a_restart(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    await servables.open()
    watching = asyncio.create_task(servables.watch(0.01))
    store.promote("tiny", 2)
    async with asyncio.timeout(5):
        while servables.serving("tiny") != 2:
            await asyncio.sleep(0.01)
    watching.cancel()
    assert await answer(servables, 0.6) == "cold"


async def test_a_request_keeps_the_version_that_it_began_with(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    await servables.open()
    begun: Any = await servables.get("tiny", None)
    store.promote("tiny", 2)
    await servables.refresh("tiny")
    (future,) = begun.batcher.submit([begun.servable.decode(0.6)])
    assert begun.servable.answer(await future, 1).version == 1


async def test_a_replaced_version_is_released_with_its_last_request(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    await servables.open()
    begun: Any = await servables.get("tiny", None)
    old = weakref.ref(begun.servable)
    (future,) = begun.batcher.submit([begun.servable.decode(0.6)])
    store.promote("tiny", 2)
    await servables.refresh("tiny")
    await future
    assert old() is not None
    del begun, future
    await asyncio.sleep(0.01)  # the loop forgets the batch
    assert old() is None


@pytest.mark.parametrize("spoil", ["alter", "remove", "break"])
async def test_a_version_that_does_not_load_leaves_the_old_one_serving(
    servables: Servables, store: ModelStore, spoil: str
):
    publish_tiny(store, "0.5")
    publish_tiny(store, "not a number" if spoil == "break" else "0.7")
    store.promote("tiny", 1)
    await servables.open()
    store.promote("tiny", 2)
    if spoil == "alter":
        (store.folder("tiny", 2) / ONNX).write_text("0.9")
    elif spoil == "remove":
        (store.folder("tiny", 2) / ONNX).unlink()
    await servables.refresh("tiny")
    assert servables.serving("tiny") == 1
    assert list(servables.faults["tiny"]) == [2]
    assert await answer(servables, 0.6) == "warm"


async def test_a_version_that_was_repaired_serves_once_it_is_promoted_again(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    await servables.open()
    (store.folder("tiny", 2) / ONNX).write_text("altered")
    store.promote("tiny", 2)
    await servables.refresh("tiny")
    assert (servables.serving("tiny"), list(servables.faults["tiny"])) == (1, [2])
    (store.folder("tiny", 2) / ONNX).write_text("0.7")
    await servables.get("tiny", "2")
    await servables.refresh("tiny")
    assert (servables.serving("tiny"), servables.faults["tiny"]) == (2, {})


async def test_a_version_that_was_deleted_is_no_fault_any_more(servables: Servables, store: ModelStore):
    for content in ("0.5", "broken"):
        publish_tiny(store, content)
    store.promote("tiny", 2)
    await servables.open()
    assert list(servables.faults["tiny"]) == [2]
    store.promote("tiny", 1)
    store.remove_alias("tiny", "previous")
    store.delete("tiny", 2)
    await servables.refresh("tiny")
    assert servables.faults["tiny"] == {}


async def test_when_the_live_version_is_damaged_the_newest_sound_one_starts(servables: Servables, store: ModelStore):
    for content in ("0.1", "0.5", "broken"):
        publish_tiny(store, content)
    store.promote("tiny", 3)
    await servables.open()
    assert servables.serving("tiny") == 2
    assert list(servables.faults["tiny"]) == [3]


async def test_any_version_can_be_asked_by_number_or_alias(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    store.set_alias("tiny", "candidate", 2)
    await servables.open()
    assert [await answer(servables, 0.6, version) for version in ("1", "2", "candidate", "live")] == [
        "warm",
        "cold",
        "cold",
        "warm",
    ]
    with pytest.raises(NotFound):
        await servables.get("tiny", "3")


async def test_no_more_versions_are_held_than_allowed(servables: Servables, store: ModelStore):
    for _ in range(5):
        publish_tiny(store)
    store.promote("tiny", 1)
    await servables.open()
    for version in ("2", "3", "4", "5", "2"):
        await servables.get("tiny", version)
    assert list(servables._served["tiny"]._extra_versions) == [5, 2]


async def test_asking_for_a_damaged_version_is_refused(servables: Servables, store: ModelStore):
    for content in ("0.5", "broken"):
        publish_tiny(store, content)
    store.promote("tiny", 1)
    await servables.open()
    with pytest.raises(Damaged):
        await servables.get("tiny", "2")


async def shares(servables: Servables, number: float = 0.6, requests: int = 400) -> float:
    """The share of the requests that found `number` warm."""
    answers = [await answer(servables, number) for _ in range(requests)]
    return answers.count("warm") / requests


@pytest.fixture
async def shared(servables: Servables, store: ModelStore) -> Servables:
    """Version 1 finds 0.6 warm, version 2 does not; 1 is live, and 2 has three quarters of the requests."""
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    store.set_split("tiny", {1: 25, 2: 75})
    await servables.open()
    return servables


async def test_two_versions_share_the_requests_by_weight(shared: Servables):
    assert 0.15 < await shares(shared) < 0.35  # 4.6 standard deviations
    assert [await answer(shared, 0.6, name) for name in ("live", "1", "2")] == ["warm", "warm", "cold"]


async def test_a_split_that_ends_leaves_everything_to_the_live_version(shared: Servables, store: ModelStore):
    store.end_split("tiny")
    await shared.refresh("tiny")
    assert (await shares(shared), shared.traffic("tiny").weights) == (1, {})


async def test_a_promotion_ends_the_split_for_requests_too(shared: Servables, store: ModelStore):
    store.promote("tiny", 2)
    await shared.refresh("tiny")
    assert (await shares(shared), shared.serving("tiny")) == (0, 2)


async def test_the_live_version_answers_all_when_the_other_does_not_load(
    servables: Servables, store: ModelStore, tmp_path: Path
):
    for _ in range(2):
        publish_tiny(store, "0.5")
    store.promote("tiny", 1)
    store.set_split("tiny", {1: 1, 2: 1})
    (store.folder("tiny", 2) / ONNX).write_text("altered")
    await servables.open()
    assert (await shares(servables), servables.traffic("tiny").weights) == (1, {})
    (tmp_path / "tiny" / "traffic.json").write_text("{")
    await servables.refresh("tiny")
    assert await shares(servables) == 1


async def test_a_version_with_a_share_is_loaded_once(shared: Servables):
    one, two = await shared.get("tiny", "1"), await shared.get("tiny", "2")
    drawn = {id(await shared.get("tiny", None)) for _ in range(100)}
    assert drawn == {id(one), id(two)}


@pytest.fixture
async def shadowed(servables: Servables, store: ModelStore) -> Servables:
    """Version 1 is live and finds 0.6 warm; version 2 is in its shadow and does not."""
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    store.set_alias("tiny", SHADOW, 2)
    await servables.open()
    return servables


async def counts(servables: Servables) -> dict[str, int]:
    """What the shadow has counted once it is done, but for zeros."""
    await asyncio.sleep(0.01)
    shadow = servables.traffic("tiny").shadow
    assert shadow
    return {outcome: number for outcome, number in shadow.counts.items() if number}


async def test_a_shadow_is_asked_too_and_only_counted(shadowed: Servables):
    answers = [await answer(shadowed, number) for number in (0.4, 0.6, 0.6, 0.8)]
    assert answers == ["cold", "warm", "warm", "warm"]
    assert await counts(shadowed) == {"agreed": 2, "differed": 2}


async def test_who_names_a_version_is_not_followed_by_the_shadow(shadowed: Servables):
    assert [await answer(shadowed, 0.6, name) for name in ("live", "1", "2")] == ["warm", "warm", "cold"]
    assert await counts(shadowed) == {}


async def test_a_shadow_is_skipped_while_anybody_waits(shadowed: Servables):
    loaded: Any = await shadowed.get("tiny", None)
    instance = loaded.servable.decode(0.6)
    futures = [*loaded.batcher.submit([instance]), *loaded.batcher.submit([instance])]
    await asyncio.gather(*futures)
    assert await counts(shadowed) == {"differed": 1, "skipped": 1}


async def test_a_batch_too_large_for_the_shadow_is_answered_all_the_same(shadowed: Servables):
    loaded: Any = await shadowed.get("tiny", None)
    shadow = shadowed.traffic("tiny").shadow
    assert shadow
    shadow.loaded.batcher._max_queue_size = 1  # type: ignore[attr-defined]
    await asyncio.gather(*loaded.batcher.submit([loaded.servable.decode(0.6)] * 2))
    assert await counts(shadowed) == {"skipped": 2}


async def test_a_shadow_that_fails_harms_nobody(shadowed: Servables, monkeypatch: pytest.MonkeyPatch):
    shadow = shadowed.traffic("tiny").shadow
    assert shadow
    servable: Any = shadow.loaded.servable
    monkeypatch.setattr(servable._executable, "threshold", None)
    assert await answer(shadowed, 0.6) == "warm"
    assert await counts(shadowed) == {"failed": 1}


async def test_a_shadow_follows_a_split_and_ends_when_it_is_promoted(shadowed: Servables, store: ModelStore):
    publish_tiny(store, "0.5")
    store.set_split("tiny", {1: 1, 3: 1})
    await shadowed.refresh("tiny")
    assert await shares(shadowed, requests=20) == 1
    assert await counts(shadowed) == {"differed": 20}
    store.promote("tiny", 2)
    await shadowed.refresh("tiny")
    assert store.aliases("tiny") == {"live": 2, "previous": 1}
    assert (await answer(shadowed, 0.6), shadowed.traffic("tiny").shadow) == ("cold", None)


@pytest.mark.parametrize("spoil", ["damaged", "other inputs"])
async def test_what_cannot_be_a_shadow_is_none(servables: Servables, store: ModelStore, spoil: str):
    publish_tiny(store, "0.5")
    wide = TensorCard(name="x", dtype="float32", shape=(-1, 2))
    publish_tiny(store, "broken" if spoil == "damaged" else "0.5", input=wide if spoil == "other inputs" else None)
    store.promote("tiny", 1)
    store.set_alias("tiny", SHADOW, 2)
    await servables.open()
    assert (await answer(servables, 0.6), servables.traffic("tiny").shadow) == ("warm", None)


async def ran_away(servables: Servables, version: int) -> None:
    """Have a version say that it ran away, as its next answer."""
    loaded: Any = await servables.get("tiny", str(version))

    def run(_: object) -> object:
        raise Runaway(f"version {version} ran away")

    loaded.servable._executable = run
    (future,) = loaded.batcher.submit([loaded.servable.decode(0.6)])
    with pytest.raises(Runaway):
        await future


async def test_the_version_before_answers_for_one_that_ran_away(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7", "0.9"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    store.promote("tiny", 3)
    await servables.open()
    await ran_away(servables, 3)
    with pytest.raises(Unavailable, match="ran away"):
        servables.live("tiny")
    async with asyncio.timeout(5):
        while servables.serving("tiny") != 1:
            await asyncio.sleep(0.01)
    assert await answer(servables, 0.6) == "warm"
    assert servables.faults["tiny"] == {3: "version 3 ran away"}
    with pytest.raises(Damaged, match="promote it"):
        await servables.get("tiny", "3")
    await servables.refresh("tiny")
    assert servables.serving("tiny") == 1


async def test_other_processes_and_the_next_start_know_what_ran_away(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    store.promote("tiny", 2)
    other = Servables(store, {"tiny": TINY}, TinyRuntime(), ServingLimits())
    await servables.open()
    await other.open()
    await ran_away(servables, 2)
    async with asyncio.timeout(5):
        while servables.serving("tiny") != 1:
            await asyncio.sleep(0.01)
    await other.refresh("tiny")
    assert (other.serving("tiny"), list(other.faults["tiny"])) == (1, [2])
    await servables.get("tiny", "2", reinstate=True)
    store.promote("tiny", 2)
    for one in (servables, other):
        await one.refresh("tiny")
        assert (one.serving("tiny"), one.faults["tiny"]) == (2, {})
    other.close()


async def test_a_model_whose_only_version_ran_away_is_not_ready(servables: Servables, store: ModelStore):
    publish_tiny(store, "0.5")
    store.promote("tiny", 1)
    await servables.open()
    assert servables.all_ready
    await ran_away(servables, 1)
    async with asyncio.timeout(5):
        while servables.all_ready:
            await asyncio.sleep(0.01)
    await servables.refresh("tiny")
    assert (servables.serving("tiny"), list(servables.faults["tiny"])) == (None, [1])


async def test_what_ran_away_has_no_share_and_no_shadow_any_more(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    store.set_split("tiny", {1: 1.0, 2: 1.0})
    await servables.open()
    assert len(servables.traffic("tiny").versions) == 2
    await ran_away(servables, 2)
    assert {(await servables.get("tiny", None)).card.version for _ in range(20)} == {1}
    await servables.refresh("tiny")
    assert {(await servables.get("tiny", None)).card.version for _ in range(20)} == {1}


async def test_a_store_that_cannot_be_written_keeps_nothing_in_service(
    servables: Servables, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 2)
    await servables.open()

    def withdraw(*_: object) -> None:
        raise OSError("read-only")

    monkeypatch.setattr(store, "withdraw", withdraw)
    await ran_away(servables, 2)
    await servables.refresh("tiny")
    await servables.refresh("tiny")
    assert (servables.serving("tiny"), list(servables.faults["tiny"])) == (1, [2])


async def test_a_model_that_somebody_named_is_found_while_the_service_runs(servables: Servables, store: ModelStore):
    await servables.open()
    assert list(servables.models) == ["tiny"]
    watching = asyncio.create_task(servables.watch(0.01))
    publish_tiny(store, "0.7", model="mine")
    store.promote("mine", 1)
    async with asyncio.timeout(5):
        while servables.serving("mine") != 1:
            await asyncio.sleep(0.01)
    watching.cancel()
    assert (list(servables.models), servables.family_of("mine").name) == (["tiny", "mine"], "tiny")
    assert await answer(servables, 0.6, model="mine") == "cold"


async def test_a_model_that_was_there_before_the_start_is_served(servables: Servables, store: ModelStore):
    publish_tiny(store, "0.7", model="mine")
    store.promote("mine", 1)
    await servables.open()
    assert (servables.serving("mine"), servables.all_ready) == (1, True)


async def test_a_model_that_was_made_just_now_is_found_by_who_asks_for_it(servables: Servables, store: ModelStore):
    await servables.open()
    publish_tiny(store, "0.7", model="mine")
    store.promote("mine", 1)
    assert [await answer(servables, 0.6, model="mine"), await answer(servables, 0.8, model="mine")] == ["cold", "warm"]
    with pytest.raises(NotFound, match="there is no model 'other'; models: tiny, mine"):
        await servables.get("other", None)


async def test_who_asks_for_models_that_are_not_there_shares_the_looks_at_the_store(
    servables: Servables, store: ModelStore, monkeypatch: pytest.MonkeyPatch
):
    await servables.open()
    looks = []
    real = store.models

    def models() -> list[str]:
        looks.append(1)
        time.sleep(0.05)
        return real()

    monkeypatch.setattr(store, "models", models)
    asked = [servables.get(f"other-{number}", None) for number in range(50)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in found} == {NotFound}
    assert len(looks) <= 2


async def test_a_deleted_model_goes_and_requests_under_way_end_well(servables: Servables, store: ModelStore):
    publish_tiny(store, "0.5", model="mine")
    store.promote("mine", 1)
    other = Servables(store, {"tiny": TINY}, TinyRuntime(), ServingLimits())
    await servables.open()
    await other.open()
    begun: Any = await servables.get("mine", None)
    store.delete_model("mine")
    await servables.refresh("mine")
    with pytest.raises(NotFound, match="models: tiny"):
        await servables.get("mine", None)
    (future,) = begun.batcher.submit([begun.servable.decode(0.6)])
    assert begun.servable.answer(await future, 1).label == "warm"
    await other.refresh("mine")
    assert list(other.models) == ["tiny"]
    other.close()


async def test_a_model_of_a_family_that_is_not_installed_is_left_alone(servables: Servables, store: ModelStore):
    publish_tiny(store, "0.5", model="mine")
    card = store.card("mine", 1).model_copy(update={"family": "other"})
    (store.folder("mine", 1) / CARD).write_text(card.model_dump_json())
    await servables.open()
    assert (list(servables.models), servables.all_ready) == (["tiny"], True)
