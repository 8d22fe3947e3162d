"""The objects under one prefix of a bucket: whole, conditional and patient calls."""

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from app.paths import Bucket
from app.store.s3_connection import Connection, Refused

FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # seconds between two tries
NEW = "new"  # the tag of an object that must not be there yet

Result = TypeVar("Result")


@dataclass(frozen=True)
class Found:
    """An object's bytes, and the tag that stands for exactly these."""

    content: bytes
    tag: str


@dataclass(frozen=True)
class Listed:
    """An object in a list; `size` in bytes."""

    size: int
    tag: str


class Objects:
    """What is stored under the prefix, by relative key. Every method may raise Unavailable.

    A call that fails for reasons that may pass is tried again for `patience` seconds, but for the `hasty`, who would
    rather go on.
    """

    def __init__(self, bucket: Bucket, connection: Connection, patience: float = 0.0) -> None:
        self.bucket = bucket
        self._connection = connection
        self._patience = patience

    def get(self, key: str, unless: str | None = None) -> Found | None:
        """An object, None when there is none; raises Unchanged when its tag is `unless`."""
        return self._get(key, {"IfNoneMatch": unless} if unless else {})

    def read(self, key: str, begin: int, end: int) -> bytes:
        """The bytes of an object from `begin` on, before `end`."""
        found = self._get(key, {"Range": f"bytes={begin}-{end - 1}"})
        return found.content if found else b""

    def put(self, key: str, content: bytes, over: str | None = None, *, hasty: bool = False) -> None:
        """Write an object whole; raises Refused unless what is there has the tag `over`, or where that is NEW nothing
        is there.
        """
        condition = {} if over is None else {"IfNoneMatch": "*"} if over == NEW else {"IfMatch": over}
        call = {**self._named(key), "Body": content, **condition}
        try:
            self._patiently(lambda files: files.call_s3("put_object", **call), hasty=hasty)
        except FileNotFoundError:
            raise Refused(f"somebody else removed {key} from {self.bucket}") from None

    def listing(self, under: str) -> dict[str, Listed]:
        """The objects in a folder and those below it, by their key from there on."""
        path = self._path(under)
        found = self._or_nothing(lambda files: files.find(path, detail=True)) or {}
        return {
            name.removeprefix(f"{path}/"): Listed(entry["size"], entry["ETag"])
            for name, entry in found.items()
            if name.startswith(f"{path}/") and not name.endswith("/")
        }

    def folders(self, under: str = "") -> list[str]:
        """The folders in a folder, by name."""
        found = self._or_nothing(lambda files: files.ls(self._path(under), detail=True, refresh=True)) or []
        return sorted(entry["name"].rpartition("/")[2] for entry in found if entry["type"] == "directory")

    def read_all(self, keys: Collection[str]) -> dict[str, bytes]:
        """Several objects at once; those that are not there are left out."""
        paths = {self._path(key): key for key in keys}

        def read(files: Any) -> dict[str, bytes]:
            found = files.cat(list(paths), on_error="return", max_concurrency=1)
            for fault in found.values():
                if isinstance(fault, Exception) and not isinstance(fault, FileNotFoundError):
                    raise fault
            return {paths[path]: content for path, content in found.items() if isinstance(content, bytes)}

        return self._patiently(read) if paths else {}

    def upload(self, files: Mapping[str, Path], *, hasty: bool = False) -> None:
        """Write files as objects, several at once."""
        there, here = [self._path(key) for key in files], [str(path) for path in files.values()]
        if files:
            self._patiently(lambda system: system.put(here, there), hasty=hasty)

    def download(self, files: Mapping[str, Path]) -> None:
        """Write objects into files, several at once; raises FileNotFoundError when one is not there."""
        there, here = [self._path(key) for key in files], [str(path) for path in files.values()]
        if files:
            self._patiently(lambda system: system.get(there, here))

    def remove(self, keys: Collection[str]) -> None:
        """Remove objects, one after the other; those that are not there do no harm."""
        for key in keys:
            call = self._named(key)
            self._patiently(lambda files, call=call: files.call_s3("delete_object", **call))  # type: ignore[misc]

    # ---- inside

    def _named(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket.name, "Key": "/".join(part for part in (self.bucket.prefix, key) if part)}

    def _path(self, key: str) -> str:
        return "/".join(part for part in (self.bucket.name, self.bucket.prefix, key) if part)

    def _get(self, key: str, condition: Mapping[str, str]) -> Found | None:
        call = {**self._named(key), **condition}
        return self._or_nothing(lambda _: Found(*self._connection.read(**call)))

    def _or_nothing(self, call: Callable[[Any], Result]) -> Result | None:
        try:
            return self._patiently(call)
        except FileNotFoundError:
            return None

    def _patiently(self, call: Callable[[Any], Result], *, hasty: bool = False) -> Result:
        """The result of a call; raises FileNotFoundError, Refused, Unchanged or Unavailable."""
        deadline, wait = time.monotonic() + (0.0 if hasty else self._patience), FIRST_WAIT
        while True:
            try:
                return call(self._connection.files)
            except Exception as fault:
                meaning = self._connection.meaning(fault, self.bucket)
                if meaning is fault:
                    raise
                if not self._connection.may_pass(fault) or time.monotonic() + wait > deadline:
                    raise meaning from fault
            time.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(2 * wait, LONGEST_WAIT)
