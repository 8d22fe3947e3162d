"""Where data files are: in the configured folder, in Keras's cache, or to be downloaded. No Keras in here."""

import os
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from app import request_context
from app.disk import make_folder, sync
from app.errors import Conflict, MissingData
from app.families.contract import DataFile
from app.store.shared_folder import SharedFolder
from app.store.version import checksum

REACH_SECONDS = 3
LEFT_SECONDS = 86_400.0
UPLOAD_PREFIX = "given-"  # what the names of files begin with that came with a request
NEW_SUFFIX = ".new"  # what the name of a mark ends with: nothing was queued yet with the file


class Datasets:
    """Finds data files, and says what to do about those that are not there.

    In the folder `uploads` are files that came with requests, under names made of what is in them.
    """

    def __init__(self, data_dir: Path | None, *, offline: bool, uploads: SharedFolder | None = None) -> None:
        self._data_dir = data_dir
        self._uploads = uploads
        self._offline = offline

    def find(self, file: DataFile) -> Path | None:
        """Where the file lies on this machine, if it does; what came with a request is fetched if need be."""
        if not file.origin and file.name.startswith(UPLOAD_PREFIX):
            return self._uploads.find(file.name) if self._uploads else None
        return next((path for path in self._candidate_paths(file) if path.is_file()), None)

    def check(self, files: Sequence[DataFile]) -> None:
        """Raise MissingData for the first file that is neither here nor within reach or does not fit.

        Each is read once, however often it is among them.
        """
        for file in dict.fromkeys(files):
            request_context.check()
            found = self.find(file)
            if found is None and (self._offline or not file.origin or not _within_reach(file.origin)):
                raise MissingData(self._advice(file))
            if found and file.check:
                file.check(found)

    def path(self, file: DataFile, download: Callable[[DataFile], Path]) -> Path:
        """Where the file lies, after a download if need be; raises MissingData."""
        found = self.find(file)
        if found:
            return found
        if self._offline or not file.origin:
            raise MissingData(self._advice(file))
        try:
            return download(file)
        except Exception as fault:  # Keras raises bare exceptions
            raise MissingData(f"{self._advice(file)} The download failed: {fault}") from fault

    def keep(self, content: bytes) -> str:
        """Put a file that came with a request where trainers find it, safe from a kill; returns its name."""
        return self.adopt(self.partial(content))

    def partial(self, content: bytes = b"") -> Path:
        """A new file of one's own beside the kept ones, to be filled and then adopted or removed."""
        folder = self._folder.path
        make_folder(folder)
        for left in folder.glob(".*"):  # by somebody who was killed
            if left.suffix != NEW_SUFFIX and time.time() - left.stat().st_mtime > LEFT_SECONDS:
                left.unlink(missing_ok=True)
        path = folder / f".{uuid.uuid4().hex}"
        path.write_bytes(content)
        return path

    def name_of(self, partial: Path) -> str:
        """The lasting name of a file: it is made of what is in it."""
        return f"{UPLOAD_PREFIX}{checksum(partial).sha256[:16]}"

    def adopt(self, partial: Path) -> str:
        """Give a file, when all of it is there, its lasting name; raises Unavailable when it cannot be shared.

        A file that was not there before `is_new` until it is settled.
        """
        name = self.name_of(partial)
        sync(partial)
        if not self.has(name):
            self._mark(name).touch()
            sync(partial.parent)
        kept = partial.replace(partial.with_name(f"{name}.txt"))
        sync(kept.parent)
        if self._uploads:
            self._uploads.upload(kept.name)
        return name

    def has(self, name: str) -> bool:
        """Whether a file that came with a request is there."""
        return self._uploads is not None and f"{name}.txt" in self._uploads.names()

    def is_new(self, name: str) -> bool:
        """Whether nothing was queued yet with a file that came with a request, as far as this machine knows."""
        return self._mark(name).exists()

    def settle(self, name: str) -> None:
        """Remember that something was queued with a file, or that it is gone."""
        self._mark(name).unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file that came with a request."""
        self._folder.remove(f"{name}.txt")

    def unsettled(self) -> list[tuple[str, float]]:
        """The files that are new, and when they came, in seconds since 1970."""
        if self._uploads is None:
            return []
        marks = list(self._uploads.path.glob(f".{UPLOAD_PREFIX}*{NEW_SUFFIX}"))
        return [(mark.name[1 : -len(NEW_SUFFIX)], mark.stat().st_mtime) for mark in marks]

    def _mark(self, name: str) -> Path:
        return self._folder.path / f".{name}{NEW_SUFFIX}"

    @property
    def _folder(self) -> SharedFolder:
        if self._uploads is None:
            raise Conflict("this process has no folder for uploaded texts")
        return self._uploads

    def _candidate_paths(self, file: DataFile) -> list[Path]:
        if not file.origin:
            return [self._data_dir / file.name] if self._data_dir else []
        keras = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / file.folder
        folders = [self._data_dir, keras] if self._data_dir else [keras]
        return [folder / name for folder in folders for name in (file.name, *file.also)]

    def _advice(self, file: DataFile) -> str:
        if not file.origin:
            return self._choice(file)
        folder = self._data_dir or "a folder and name that in FITSERVE_DATA_DIR"
        return (
            f"The data file {' or '.join((file.name, *file.also))} is missing. Put it into {folder}: "
            f"download it from {file.origin} (for example: curl -LO {file.origin})."
        )

    def _choice(self, file: DataFile) -> str:
        """What there is in place of a file of the user's own."""
        suffix = Path(file.name).suffix
        there = sorted(path.stem for path in self._data_dir.glob(f"*{suffix}")) if self._data_dir else []
        names = ", ".join(["sample", *there])
        where = f"There is no {file.name!r} in {self._data_dir}" if self._data_dir else "FITSERVE_DATA_DIR is not set"
        return f"{where}; available: {names}."


def _within_reach(origin: str) -> bool:
    try:
        request = urllib.request.Request(origin, method="HEAD")
        with urllib.request.urlopen(request, timeout=REACH_SECONDS):
            return True
    except OSError:
        return False
