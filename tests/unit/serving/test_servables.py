"""The servables: a new version takes over when it is ready, and not before."""

import asyncio
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.errors import Conflict, Damaged, NotFound
from app.serving.servables import Limits, Servables
from app.store.model_store import ModelStore
from app.store.version import ONNX
from tests.fakes import TINY, TinyRuntime, publish_tiny

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path)


@pytest.fixture
async def servables(store: ModelStore) -> AsyncIterator[Servables]:
    made = Servables(store, {"tiny": TINY}, TinyRuntime(), Limits(max_batch=4, max_waiting=16, max_loaded=2))
    yield made
    made.close()


async def answer(servables: Servables, number: float, version: str | None = None) -> str:
    loaded = await servables.get("tiny", version)
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
    begun = await servables.get("tiny", None)
    store.promote("tiny", 2)
    await servables.refresh("tiny")
    (future,) = begun.batcher.submit([begun.servable.decode(0.6)])
    assert begun.servable.answer(await future, 1).version == 1


async def test_a_replaced_version_is_released_with_its_last_request(servables: Servables, store: ModelStore):
    for threshold in ("0.5", "0.7"):
        publish_tiny(store, threshold)
    store.promote("tiny", 1)
    await servables.open()
    begun = await servables.get("tiny", None)
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
    assert list(servables._others["tiny"]) == [5, 2]


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
    assert (await shares(shared), shared.split("tiny")) == (1, {})


async def test_a_promotion_ends_the_split_for_requests_too(shared: Servables, store: ModelStore):
    store.promote("tiny", 2)
    await shared.refresh("tiny")
    assert (await shares(shared), shared.serving("tiny")) == (0, 2)


async def test_the_live_version_answers_all_when_the_other_does_not_load(servables: Servables, store: ModelStore):
    for _ in range(2):
        publish_tiny(store, "0.5")
    store.promote("tiny", 1)
    store.set_split("tiny", {1: 1, 2: 1})
    (store.folder("tiny", 2) / ONNX).write_text("altered")
    await servables.open()
    assert (await shares(servables), servables.split("tiny")) == (1, {})
    (store.root / "tiny" / "traffic.json").write_text("{")
    await servables.refresh("tiny")
    assert await shares(servables) == 1


async def test_a_version_with_a_share_is_loaded_once(shared: Servables):
    one, two = await shared.get("tiny", "1"), await shared.get("tiny", "2")
    drawn = {id(await shared.get("tiny", None)) for _ in range(100)}
    assert drawn == {id(one), id(two)}
