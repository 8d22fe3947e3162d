"""The objects under one prefix of a bucket: whole, conditional and patient calls."""

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from app.paths import Bucket
from app.store.s3_connection import Connection, PreconditionFailed

FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # seconds between two tries
IF_ABSENT = "new"  # the tag of an object that must not be there yet

Result = TypeVar("Result")


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes, and the tag that stands for exactly these."""

    content: bytes
    tag: str


@dataclass(frozen=True)
class ListedObject:
    """An object in a list; `size` in bytes."""

    size: int
    tag: str


class Objects:
    """What is stored under the prefix, by relative key. Every method may raise Unavailable.

    A call that fails for reasons that may pass is tried again for `retry_seconds` seconds, but for the `no_retry`, who
    would rather go on.
    """

    def __init__(self, bucket: Bucket, connection: Connection, retry_seconds: float = 0.0) -> None:
        self.bucket = bucket
        self._connection = connection
        self._retry_seconds = retry_seconds

    def get(self, key: str, if_none_match: str | None = None) -> StoredObject | None:
        """An object, None when there is none; raises Unchanged when its tag is `if_none_match`."""
        return self._get(key, {"IfNoneMatch": if_none_match} if if_none_match else {})

    def read(self, key: str, begin: int, end: int) -> bytes:
        """The bytes of an object from `begin` on, before `end`."""
        found = self._get(key, {"Range": f"bytes={begin}-{end - 1}"})
        return found.content if found else b""

    def put(self, key: str, content: bytes, if_match: str | None = None, *, no_retry: bool = False) -> None:
        """Write an object whole; raises Refused unless what is there has the tag `if_match`, or where that is NEW
        nothing is there.
        """
        condition = {} if if_match is None else {"IfNoneMatch": "*"} if if_match == IF_ABSENT else {"IfMatch": if_match}
        call = {**self._location(key), "Body": content, **condition}
        try:
            self._with_retries(lambda files: files.call_s3("put_object", **call), no_retry=no_retry)
        except FileNotFoundError:
            raise PreconditionFailed(f"somebody else removed {key} from {self.bucket}") from None

    def listing(self, under: str) -> dict[str, ListedObject]:
        """The objects in a folder and those below it, by their key from there on."""
        path = self._path(under)
        found = self._or_nothing(lambda files: files.find(path, detail=True)) or {}
        return {
            name.removeprefix(f"{path}/"): ListedObject(entry["size"], entry["ETag"])
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

        return self._with_retries(read) if paths else {}

    def upload(self, files: Mapping[str, Path], *, no_retry: bool = False) -> None:
        """Write files as objects, several at once."""
        there, here = [self._path(key) for key in files], [str(path) for path in files.values()]
        if files:
            self._with_retries(lambda system: system.put(here, there), no_retry=no_retry)

    def download(self, files: Mapping[str, Path]) -> None:
        """Write objects into files, several at once; raises FileNotFoundError when one is not there."""
        there, here = [self._path(key) for key in files], [str(path) for path in files.values()]
        if files:
            self._with_retries(lambda system: system.get(there, here))

    def remove(self, keys: Collection[str]) -> None:
        """Remove objects, one after the other; those that are not there do no harm."""
        for key in keys:
            call = self._location(key)
            self._with_retries(lambda files, call=call: files.call_s3("delete_object", **call))  # type: ignore[misc]

    # ---- inside

    def _location(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket.name, "Key": "/".join(part for part in (self.bucket.prefix, key) if part)}

    def _path(self, key: str) -> str:
        return "/".join(part for part in (self.bucket.name, self.bucket.prefix, key) if part)

    def _get(self, key: str, condition: Mapping[str, str]) -> StoredObject | None:
        call = {**self._location(key), **condition}
        return self._or_nothing(lambda _: StoredObject(*self._connection.read(**call)))

    def _or_nothing(self, call: Callable[[Any], Result]) -> Result | None:
        try:
            return self._with_retries(call)
        except FileNotFoundError:
            return None

    def _with_retries(self, call: Callable[[Any], Result], *, no_retry: bool = False) -> Result:
        """The result of a call; raises FileNotFoundError, Refused, Unchanged or Unavailable."""
        deadline, wait = time.monotonic() + (0.0 if no_retry else self._retry_seconds), FIRST_WAIT
        while True:
            try:
                return call(self._connection.files)
            except Exception as fault:
                translated = self._connection.translate(fault, self.bucket)
                if translated is fault:
                    raise
                if not self._connection.is_transient(fault) or time.monotonic() + wait > deadline:
                    raise translated from fault
            time.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(2 * wait, LONGEST_WAIT)
