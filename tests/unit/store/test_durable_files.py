"""What is written lasts: every file, and every folder that names it, is forced to disk before it counts."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.datasets.datasets import Datasets
from app.disk import make_folder
from app.jobs.journal import Journal
from app.store.durable_files import replace
from app.store.model_store import ModelStore
from app.store.shared_folder import LocalFolder
from tests.fakes import publish_tiny


class Disk:
    """What a power cut would leave: the folders whose entries were forced to disk since they were changed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lost: dict[Path, str] = {}  # the folders with an entry that is not on disk, and the entry
        self._watch(monkeypatch, os, "mkdir", lambda path, *_: path)
        self._watch(monkeypatch, os, "rename", lambda _, target: target)
        self._watch(monkeypatch, os, "replace", lambda _, target: target)
        sync = os.fsync

        def synced(descriptor: int) -> None:
            sync(descriptor)
            self.lost.pop(Path(os.readlink(f"/proc/self/fd/{descriptor}")), None)

        monkeypatch.setattr(os, "fsync", synced)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, changed: Callable[..., Any]) -> None:
        real = getattr(module, name)

        def watched(*arguments: Any, **more: Any) -> Any:
            done = real(*arguments, **more)
            path = Path(changed(*arguments))
            self.lost[path.parent] = path.name
            return done

        monkeypatch.setattr(module, name, watched)

    def named(self, *above: Path) -> dict[Path, str]:
        """What is lost of what lies directly in these folders."""
        return {folder: entry for folder, entry in self.lost.items() if folder in above}


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_a_new_folder_is_named_on_disk_wherever_it_lies(tmp_path: Path, disk: Disk):
    assert make_folder(tmp_path / "one" / "two" / "three").is_dir()
    assert make_folder(tmp_path / "one").is_dir()
    assert disk.lost == {}


def test_the_first_version_of_a_new_model_in_a_new_store_lasts(tmp_path: Path, disk: Disk):
    root = tmp_path / "deep" / "store"
    store = ModelStore(root)
    publish_tiny(store)
    assert disk.named(tmp_path, tmp_path / "deep", root, root / "tiny", root / "tiny" / "1") == {}
    store.promote("tiny", 1)
    assert disk.named(root / "tiny") == {}
    publish_tiny(store)
    store.delete("tiny", 2)
    assert disk.named(root / "tiny") == {}


def test_what_is_replaced_lasts(tmp_path: Path, disk: Disk):
    replace(tmp_path / "file", b"new")
    assert disk.lost == {}


def test_a_text_that_came_along_lasts(tmp_path: Path, disk: Disk):
    root = tmp_path / "store"
    Datasets(None, offline=True, uploads=ModelStore(root).corpora).keep(b"one two")
    assert disk.named(tmp_path, root, root / ".corpora") == {}


def test_a_checkpoint_in_a_new_folder_lasts(tmp_path: Path, disk: Disk):
    from app.training.checkpoints import Checkpoints, Position  # noqa: PLC0415

    checkpoints = Checkpoints(LocalFolder(tmp_path / "jobs" / "one"))
    checkpoints._write("checkpoint-1.npz", {"network": [np.zeros(2)]}, Position())
    assert disk.lost == {}


def test_the_folder_of_a_new_journal_lasts(tmp_path: Path, disk: Disk):
    Journal(f"sqlite:///{tmp_path}/deep/er/journal.db").open().close()
    assert disk.named(tmp_path, tmp_path / "deep", tmp_path / "deep" / "er") == {}
