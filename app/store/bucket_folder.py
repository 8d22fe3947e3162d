"""A shared folder in a bucket: what is written on one node is uploaded, and fetched where it is looked for."""

import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import Unavailable
from app.logging import log
from app.store.objects import Objects
from app.store.shared_folder import LocalFolder

UPLOAD_SECONDS = 2.0  # how far the shared part of a growing file may be behind
PART_BYTES = 1 << 20  # after so much of a growing file another object begins
PARTS = "{}.parts"


class BucketFolder:
    """The objects under `name`, and the files at `path`. A name never means two contents: either copy will do."""

    def __init__(self, objects: Objects, name: str, path: Path) -> None:
        self._objects = objects
        self._name = name
        self.path = path

    def names(self) -> list[str]:
        """The files that are here or in the bucket."""
        here = {path.name for path in self.path.iterdir() if path.is_file()} if self.path.is_dir() else set()
        return sorted(here | {key for key in self._objects.listing(self._name) if "/" not in key})

    def upload(self, name: str) -> None:
        """Upload a file. A bucket that does not work is not waited for."""
        self._objects.upload({self._key(name): self.path / name}, no_retry=True)

    def find(self, name: str) -> Path | None:
        """The file, fetched whole if it is not here."""
        path = self.path / name
        if path.is_file():
            return path
        if name not in self._objects.listing(self._name):
            return None
        self.path.mkdir(parents=True, exist_ok=True)
        partial = self.path / f".{uuid.uuid4().hex}"
        try:
            self._objects.download({self._key(name): partial})
            return partial.replace(path)
        except FileNotFoundError:  # removed just now
            return None
        finally:
            partial.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove the file here and there."""
        (self.path / name).unlink(missing_ok=True)
        self._objects.remove([self._key(name)])

    def clear(self) -> None:
        """Remove everything here and there."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._objects.remove([self._key(key) for key in self._objects.listing(self._name)])

    @contextmanager
    def tailing_upload(self, name: str) -> Iterator[None]:
        """Upload what is added to a file, every few seconds and in the end, from a thread of its own."""
        part = _Part(self._objects, self._key(PARTS.format(name)), self.path / name)
        ended = threading.Event()
        thread = threading.Thread(target=part.upload_until, args=(ended,), name="log", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def read(self, name: str, begin: int, most: int) -> bytes:
        """The parts one after the other, in the order of their beginning; the file here where it has more than they."""
        under = self._key(PARTS.format(name))
        parts = self._objects.listing(under)
        here = LocalFolder(self.path)
        if here.size(name) >= sum(part.size for part in parts.values()):
            return here.read(name, begin, most)
        for key in sorted(parts):
            if begin < parts[key].size:
                return self._objects.read(f"{under}/{key}", begin, min(begin + most, parts[key].size))
            begin -= parts[key].size
        return b""

    def _key(self, name: str) -> str:
        return f"{self._name}/{name}"


class _Part:
    """What was added to a file since a moment, as an object named after that moment."""

    def __init__(self, objects: Objects, under: str, path: Path) -> None:
        self._objects = objects
        self._under = under
        self._path = path
        self._begin = LocalFolder(path.parent).size(path.name)
        self._key = self._new_key()
        self._uploaded = 0

    def upload_until(self, ended: threading.Event) -> None:
        """Share now and then, and once more at the end."""
        while not ended.wait(UPLOAD_SECONDS):
            self._upload()
        self._upload()

    def _upload(self) -> None:
        try:
            with self._path.open("rb") as file:
                file.seek(self._begin)
                added = file.read()
            if len(added) > self._uploaded:
                self._objects.put(self._key, added, no_retry=True)
                self._uploaded = len(added)
        except (FileNotFoundError, Unavailable) as fault:
            log.warning("the log is not shared now: %s", fault)
            return
        if self._uploaded > PART_BYTES:
            self._begin, self._uploaded, self._key = self._begin + self._uploaded, 0, self._new_key()

    def _new_key(self) -> str:
        return f"{self._under}/{time.time_ns():020}"
