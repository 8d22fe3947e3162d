"""A store is looked through, and is sound after any kill."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.commands import commands
from app.store.inspection import inspect
from app.store.model_store import ModelStore
from app.store.version import CARD, ONNX
from tests.fakes import publish_tiny
from tests.store_fixtures import BucketStore, FolderStore, StoreFixture

ROOT = Path(__file__).parents[2]
KILLS = {FolderStore: 50, BucketStore: 15}
LONGEST = {FolderStore: 0.05, BucketStore: 0.5}  # seconds that a writer lives
SIDE_BY_SIDE = 5  # writers at once: they meet at the locks, and start in half the time


@pytest.fixture
def filled(store_fixture: StoreFixture) -> StoreFixture:
    """Five versions, the last of them live."""
    store = store_fixture.store()
    for _ in range(5):
        publish_tiny(store)
    store.promote("tiny", 5)
    return store_fixture


def damage(store_fixture: StoreFixture) -> None:
    """A cut file, a flipped bit, no card, and a card of a later format, in the versions 2 to 5."""
    whole, card = store_fixture.read(f"tiny/3/{ONNX}"), store_fixture.read(f"tiny/5/{CARD}")
    assert whole
    assert card
    store_fixture.write(f"tiny/2/{ONNX}", whole[:1])
    store_fixture.write(f"tiny/3/{ONNX}", bytes([whole[0] ^ 1]) + whole[1:])
    store_fixture.remove(f"tiny/4/{CARD}")
    store_fixture.write(f"tiny/5/{CARD}", card.replace(b'"format": 1', b'"format": 2'))


def faults(store: ModelStore) -> dict[int | None, str]:
    return {finding.version: finding.fault for finding in inspect(store) if finding.fault}


def test_a_sound_store_has_no_faults(filled: StoreFixture):
    store = filled.store()
    assert len(list(inspect(store))) == 6  # five versions, and the aliases
    assert faults(store) == {}


def test_every_fault_of_a_version_is_named(filled: StoreFixture):
    damage(filled)
    found = faults(filled.store())
    assert list(found) == [2, 3, 4, 5]
    assert all(ONNX in found[number] for number in (2, 3))
    assert all(CARD in found[number] for number in (4, 5))


def test_aliases_that_cannot_be_understood_are_a_fault(filled: StoreFixture):
    filled.spoil(aliases=b"{")
    assert list(faults(filled.store())) == [None]


def test_an_alias_that_points_at_nothing_is_a_fault(filled: StoreFixture):
    filled.lose(5)
    assert faults(filled.store()) == {None: "no such version: live points at 5"}


def test_a_share_of_nothing_is_a_fault(filled: StoreFixture):
    filled.store().set_split("tiny", {1: 90, 2: 10})
    filled.lose(2)
    assert faults(filled.store()) == {None: "no such version: a share of 10 points at 2"}


def test_the_command_tells_what_is_wrong_and_fails(filled: StoreFixture, monkeypatch: pytest.MonkeyPatch):
    for name, value in filled.settings.environment().items():
        monkeypatch.setenv(name, value)
    sound = CliRunner().invoke(commands, ["models", "verify"])
    assert (sound.exit_code, sound.stdout.splitlines()[-1]) == (0, "5 versions, 0 faults")
    damage(filled)
    damaged = CliRunner().invoke(commands, ["models", "verify"])
    assert (damaged.exit_code, damaged.stdout.splitlines()[-1]) == (1, "5 versions, 4 faults")
    assert "tiny 1: sound" in damaged.stdout
    assert "tiny 4: 4 has no version.json" in damaged.stdout


def test_a_store_is_sound_after_kills_at_random_moments(filled: StoreFixture):
    chance = random.Random(1)
    contents: dict[int, str] = {}
    with writers(filled) as start:
        for _ in range(KILLS[type(filled)] // SIDE_BY_SIDE):
            for pid in start([chance.randrange(10**6) for _ in range(SIDE_BY_SIDE)]):
                time.sleep(chance.uniform(0, LONGEST[type(filled)]))
                os.kill(pid, signal.SIGKILL)  # raises when the writer has ended by itself
            assert faults(filled.store()) == {}
            for card in filled.store().versions("tiny"):
                sums = hashlib.sha256(card.model_dump_json().encode()).hexdigest()
                assert contents.setdefault(card.version, sums) == sums, "a number was given twice"
    store = filled.store()
    store.discard("test")
    store.sweep(())
    numbers = store.numbers("tiny")
    left = {int(key.split("/")[1]) for key in filled.listing() if key.count("/") > 1}
    assert left == set(numbers), "nothing of what was not finished"
    assert publish_tiny(store).version > max(numbers)


@contextmanager
def writers(store_fixture: StoreFixture) -> Iterator[Callable[[list[int]], list[int]]]:
    """Starts writers with these seeds, and tells their processes once all of them write."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.killing.store_writer"],
        cwd=ROOT,
        env={**os.environ, **store_fixture.settings.environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout

    def start(seeds: list[int]) -> list[int]:
        process.stdin.write("".join(f"{seed}\n" for seed in seeds))  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        return [int(process.stdout.readline()) for _ in seeds]  # type: ignore[union-attr]

    with process:
        yield start
        process.stdin.close()
