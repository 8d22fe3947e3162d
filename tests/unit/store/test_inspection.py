"""A store is looked through, and is sound after any kill."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.commands import commands
from app.store.inspection import inspect
from app.store.model_store import ALIASES, ModelStore
from app.store.version import CARD, ONNX
from tests.fakes import publish_tiny

ROOT = Path(__file__).parents[3]
KILLS = 50
SIDE_BY_SIDE = 5  # writers at once: they meet at the locks, and start in half the time


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "store")
    for _ in range(5):
        publish_tiny(store)
    store.promote("tiny", 5)
    return store


def damage(store: ModelStore) -> None:
    """A cut file, a flipped bit, no card, and a card of a later format, in the versions 2 to 5."""
    cut, flipped, cardless, later = (store.folder("tiny", number) for number in (2, 3, 4, 5))
    (cut / ONNX).write_bytes((cut / ONNX).read_bytes()[:1])
    content = bytearray((flipped / ONNX).read_bytes())
    content[0] ^= 1
    (flipped / ONNX).write_bytes(content)
    (cardless / CARD).unlink()
    (later / CARD).write_text((later / CARD).read_text().replace('"format": 1', '"format": 2'))


def faults(store: ModelStore) -> dict[int | None, str]:
    return {finding.version: finding.fault for finding in inspect(store) if finding.fault}


def test_a_sound_store_has_no_faults(store: ModelStore):
    assert len(list(inspect(store))) == 6  # five versions, and the aliases
    assert faults(store) == {}


def test_every_fault_of_a_version_is_named(store: ModelStore):
    damage(store)
    found = faults(store)
    assert list(found) == [2, 3, 4, 5]
    assert all(ONNX in found[number] for number in (2, 3))
    assert all(CARD in found[number] for number in (4, 5))


def test_an_alias_that_points_at_nothing_is_a_fault(store: ModelStore):
    (store.root / "tiny" / ALIASES).write_text('{"live": 9}')
    assert faults(store) == {None: "no such version: live points at 9"}
    (store.root / "tiny" / ALIASES).write_text("{")
    assert list(faults(store)) == [None]


def test_a_share_of_nothing_is_a_fault(store: ModelStore):
    store.set_split("tiny", {1: 90, 2: 10})
    shutil.rmtree(store.folder("tiny", 2))
    assert faults(store) == {None: "no such version: a share of 10 points at 2"}


def test_the_command_tells_what_is_wrong_and_fails(store: ModelStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FITSERVE_STORE", str(store.root))
    sound = CliRunner().invoke(commands, ["models", "verify"])
    assert (sound.exit_code, sound.stdout.splitlines()[-1]) == (0, "5 versions, 0 faults")
    damage(store)
    damaged = CliRunner().invoke(commands, ["models", "verify"])
    assert (damaged.exit_code, damaged.stdout.splitlines()[-1]) == (1, "5 versions, 4 faults")
    assert "tiny 1: sound" in damaged.stdout
    assert "tiny 4: 4 has no version.json" in damaged.stdout


def test_a_store_is_sound_after_fifty_kills_at_random_moments(store: ModelStore):
    chance = random.Random(1)
    for _ in range(KILLS // SIDE_BY_SIDE):
        writers = [start_writer(store.root, chance.randrange(10**6)) for _ in range(SIDE_BY_SIDE)]
        for writer in writers:
            assert writer.stdout
            assert writer.stdout.readline() == b"writing\n"
        for writer in writers:
            time.sleep(chance.uniform(0, 0.05))
            assert writer.poll() is None, "a writer ended by itself"
            writer.kill()
            writer.communicate()
        assert faults(store) == {}
    store.sweep(())
    assert not list((store.root / ".staging").iterdir())
    assert publish_tiny(store).version > 5


def start_writer(root: Path, seed: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.killing.store_writer", str(root), str(seed)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
