"""Where the tests of stores keep one: a folder or a bucket, with what a fault or a hand from outside would do to it."""

import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Protocol

from app.paths import Bucket
from app.settings import Settings
from app.store.bucket import BucketBackend
from app.store.bucket_models import REGISTER
from app.store.bucket_register import BucketRegister, Upload
from app.store.folder import ALIASES_FILE, TRAFFIC_FILE
from app.store.model_store import ModelStore
from app.store.objects import Objects
from app.store.opening import open_store
from tests.bucket_server import BUCKET, BucketServer

LONG_AGO = time.time() - 7200


class StoreFixture(Protocol):
    """A store, and a way around it."""

    settings: Settings

    def store(self) -> ModelStore:
        """The store as another process would open it."""

    def read(self, key: str) -> bytes | None:
        """What is stored under `tiny/1/version.json`."""

    def write(self, key: str, content: bytes) -> None:
        """Put something else there."""

    def remove(self, key: str) -> None:
        """Lose it."""

    def lose(self, version: int) -> None:
        """Remove a version by hand."""

    def listing(self) -> list[str]:
        """All that is stored, but for what is hidden."""

    def spoil(self, aliases: bytes | None = None, split: bytes | None = None) -> str:
        """Make the aliases or the split unreadable; returns the key under which a start sets the aliases aside."""

    def abandon(self, owner: str) -> None:
        """Leave a version behind that somebody began to write two hours ago and never finished."""


class FolderStore:
    """A folder."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "store"
        self.settings = Settings(store=self.root, starters=tmp_path / "none", offline=True)

    def store(self) -> ModelStore:
        return open_store(self.settings)

    def read(self, key: str) -> bytes | None:
        path = self.root / key
        return path.read_bytes() if path.is_file() else None

    def write(self, key: str, content: bytes) -> None:
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_bytes(content)

    def remove(self, key: str) -> None:
        (self.root / key).unlink()

    def lose(self, version: int) -> None:
        shutil.rmtree(self.root / "tiny" / str(version))

    def listing(self) -> list[str]:
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))

    def spoil(self, aliases: bytes | None = None, split: bytes | None = None) -> str:
        for name, content in ((ALIASES_FILE, aliases), (TRAFFIC_FILE, split)):
            if content is not None:
                self.write(f"tiny/{name}", content)
        return "tiny/aliases.damaged"

    def abandon(self, owner: str) -> None:
        staged = self.store().stage(owner)
        (staged / "model.onnx").write_text("0.5")
        os.utime(staged, (LONG_AGO, LONG_AGO))


class BucketStore:
    """A prefix of its own in the tests' bucket."""

    def __init__(self, server: BucketServer, tmp_path: Path, patience: float = 0.0) -> None:
        self.server = server
        self.cache = tmp_path / "cache"
        self.settings = Settings(
            store=Bucket(BUCKET, uuid.uuid4().hex),
            cache=self.cache,
            journal=f"sqlite:///{tmp_path}/journal.db",
            starters=tmp_path / "none",
            offline=True,
            store_timeout_seconds=5,
        )
        assert isinstance(self.settings.store, Bucket)
        self.objects = Objects(self.settings.store, server.connection, patience)

    def store(self) -> ModelStore:
        """With the connection of all tests, as a new one takes long."""
        return self.on(self.settings.local_folder)

    def on(self, local: Path) -> ModelStore:
        """The store as a machine has it that keeps its copies there."""
        return ModelStore(BucketBackend(self.objects, local, self.settings.max_cache_bytes))

    def read(self, key: str) -> bytes | None:
        found = self.objects.get(key)
        return found.content if found else None

    def write(self, key: str, content: bytes) -> None:
        self.objects.put(key, content)

    def remove(self, key: str) -> None:
        self.objects.remove([key])

    def lose(self, version: int) -> None:
        self.objects.remove([key for key in self.listing() if key.startswith(f"tiny/{version}/")])

    def listing(self) -> list[str]:
        return sorted(key for key in self.objects.listing("") if not key.startswith("."))

    def spoil(self, aliases: bytes | None = None, split: bytes | None = None) -> str:
        self.objects.put(f"tiny/{REGISTER}", aliases if aliases is not None else split or b"")
        return "tiny/register.damaged"

    def abandon(self, owner: str) -> None:
        register = self.register()
        number = register.last + 1
        register = register.beginning(number, Upload(owner=owner, since=LONG_AGO))
        self.objects.put(f"tiny/{REGISTER}", register.model_dump_json().encode())
        self.objects.put(f"tiny/{number}/model.onnx", b"0.5")

    def register(self) -> BucketRegister:
        """The register of the model."""
        content = self.read(f"tiny/{REGISTER}")
        return BucketRegister.model_validate_json(content) if content else BucketRegister()
