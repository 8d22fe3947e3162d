"""Pictures of curves: drawn once for all who look, few at once, and for nobody who has left."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from app.errors import Overloaded
from app.jobs import plots
from app.jobs.plots import AT_ONCE, WAITING, Form, Kind, Plots, Subject, curves

pytestmark = pytest.mark.anyio


class Epochs:
    """A journal whose jobs have one epoch each, and one more with every `add`."""

    def __init__(self) -> None:
        self.newest = 1
        self.rows: list[dict[str, Any]] = [{"epoch": 1}]

    def get(self, job: str) -> str:
        return job

    def newest_events(self, of: list[str]) -> dict[str, int]:
        return dict.fromkeys(of, self.newest)


class Drawer:
    """Draws when it is let, and remembers how often, and for whom nobody waited any more."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.let = asyncio.Event()

    async def __call__(self, kind: Kind, rows: list[dict[str, Any]], form: Form) -> bytes:
        assert kind == "curves"
        self.begun += 1
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return f"{len(rows)} {form}".encode()


def one_of(journal: Epochs, job: str = "job") -> Subject:
    return curves(journal, job)  # type: ignore[arg-type]


@pytest.fixture
def journal() -> Epochs:
    return Epochs()


@pytest.fixture
async def drawer(monkeypatch: pytest.MonkeyPatch) -> Drawer:
    made = Drawer()
    monkeypatch.setattr(plots, "draw", made)
    monkeypatch.setattr(plots, "curves_of", lambda journal, _: list(journal.rows))
    return made


async def reached(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def test_all_who_look_at_the_same_get_one_drawing(journal: Epochs, drawer: Drawer):
    made = Plots()
    looking = [asyncio.create_task(made.plot(one_of(journal), "svg")) for _ in range(40)]
    await reached(lambda: drawer.begun == 1)
    drawer.let.set()
    assert set(await asyncio.gather(*looking)) == {b"1 svg"}
    assert await made.plot(one_of(journal), "svg") == b"1 svg"
    assert drawer.begun == 1


async def test_it_is_drawn_anew_when_an_epoch_has_ended_and_not_for_progress(journal: Epochs, drawer: Drawer):
    made = Plots()
    drawer.let.set()
    assert await made.plot(one_of(journal), "png") == b"1 png"
    journal.newest += 1
    assert (await made.plot(one_of(journal), "png"), drawer.begun) == (b"1 png", 1)
    journal.newest += 1
    journal.rows.append({"epoch": 2})
    assert (await made.plot(one_of(journal), "png"), drawer.begun) == (b"2 png", 2)


async def test_few_are_drawn_at_once_and_too_many_are_told_to_come_again(journal: Epochs, drawer: Drawer):
    made = Plots()
    looking = [
        asyncio.create_task(made.plot(one_of(journal, f"job {number}"), "svg")) for number in range(AT_ONCE + WAITING)
    ]
    await reached(lambda: drawer.begun == AT_ONCE)
    await asyncio.sleep(0.2)
    with pytest.raises(Overloaded) as invalid_text:
        await made.plot(one_of(journal, "one more"), "svg")
    assert invalid_text.value.retry_after >= 1
    assert drawer.begun == AT_ONCE
    drawer.let.set()
    assert len(await asyncio.gather(*looking)) == AT_ONCE + WAITING


async def test_a_drawing_ends_with_the_last_who_waits_for_it(journal: Epochs, drawer: Drawer):
    made = Plots()
    looking = [asyncio.create_task(made.plot(one_of(journal), "svg")) for _ in range(2)]
    await reached(lambda: drawer.begun == 1)
    looking[0].cancel()
    await asyncio.sleep(0.05)
    assert drawer.cancelled == 0
    looking[1].cancel()
    await reached(lambda: drawer.cancelled == 1)
    drawer.let.set()
    assert await made.plot(one_of(journal), "svg") == b"1 svg"
