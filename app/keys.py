"""API keys: a file of hashes says who may do what; a key itself is told once, when it is made."""

import errno
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from app.errors import Conflict, InvalidRequest
from app.logging import log

PREFIX = "fitserve_"
LINE = re.compile(r"(predict|train|admin)[ \t]+([0-9a-fA-F]{64})[ \t]+([\w.-]{1,64})")
BLANK = " \t"


class Scope(StrEnum):
    """What a key may do; each includes those before it."""

    PREDICT = "predict"
    TRAIN = "train"
    ADMIN = "admin"

    def includes(self, other: "Scope") -> bool:
        """Whether this one suffices where `other` is asked for."""
        ranks = list(Scope)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True)
class Key:
    """A line of the file: `SCOPE SHA256 NAME`."""

    scope: Scope
    digest: bytes
    name: str


class Keyring:
    """The keys in a file, read again when it changes. While it cannot be used, the last good ones stay and `fault` says
    why: whoever depends on their being the right ones can tell.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cached: tuple[object, tuple[Key, ...]] = (None, ())  # a stamp of the file, and what was in it
        self.fault: str | None = None

    def open(self) -> None:
        """Read the file for the first time; raises InvalidRequest when it cannot be used."""
        if fault := self.reload():
            raise InvalidRequest(fault)

    def reload(self) -> str | None:
        """Read the file where it has changed, or could not be used before; returns why it cannot be used."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            if stamp != self._cached[0]:
                self._cached = (stamp, read_keys(self._path))
            fault = None
        except OSError as error:
            fault = _unreadable(error)
        except InvalidRequest as error:
            fault = str(error)
        if fault:
            self._cached = (None, self._cached[1])
            if fault != self.fault:
                log.error("the keys stay as they were: %s", fault)
        self.fault = fault
        return fault

    def find(self, presented: str) -> Key | None:
        """The key that this is. The hash is compared with every one, in constant time."""
        self.reload()
        digest = hashlib.sha256(presented.encode()).digest()
        found = None
        for key in self._cached[1]:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys in a file; raises InvalidRequest when it cannot be read or a line is none."""
    try:
        return _parsed(path.read_bytes())
    except OSError as fault:
        raise InvalidRequest(_unreadable(fault)) from fault


def create_key(path: Path, scope: Scope, name: str) -> str:
    """A new key, whose hash is in the file when this returns.

    256 random bits need no slow hash: there is nothing to guess. Raises InvalidRequest for the name and for a file that
    cannot be used, which stays as it is; Conflict when the name is taken.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    line = f"{scope} {hashlib.sha256(secret.encode()).hexdigest()} {name}"
    if not LINE.fullmatch(line):
        raise InvalidRequest(
            f"{name!r} is not a valid name of a key: expected 1 to 64 letters, digits, `.`, `_` or `-`"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as file:
            content = file.read()
            if any(key.name == name for key in _parsed(content)):
                raise Conflict(f"there is a key named {name!r} in {path} already")
            _append(file, content, line)
    except OSError as fault:
        raise InvalidRequest(f"the file of keys cannot be changed: {fault.strerror}") from fault
    if not any(key.name == name for key in read_keys(path)):  # an editor takes no lock
        raise Conflict("the file of keys was changed at the same time: create the key again")
    return secret


def _parsed(content: bytes) -> tuple[Key, ...]:
    """The keys in a text, whatever its line ends; raises InvalidRequest for a line that is none."""
    try:
        lines = re.split(r"\r\n|\r|\n", content.decode("utf-8-sig"))
    except UnicodeDecodeError as fault:
        raise InvalidRequest("the file of keys is not a text in UTF-8") from fault
    keys = []
    for number, line in enumerate(lines, 1):
        bare = line.strip(BLANK)
        if not bare or bare.startswith("#"):
            continue
        parts = LINE.fullmatch(bare)
        if parts is None:  # what is there may be a key: it is not repeated
            raise InvalidRequest(f"the file of keys, line {number}: expected `predict|train|admin SHA256 NAME`")
        keys.append(Key(Scope(parts[1]), bytes.fromhex(parts[2]), parts[3]))
    return tuple(keys)


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file, open to read and append, for its owner alone when it is new; nobody else has it locked meanwhile."""
    is_new = not path.exists()
    with open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _append(file: BinaryIO, content: bytes, line: str) -> None:
    """A line at the end, in one write: whole, or not at all when the disk is full.

    The file stays the same one, with its owner, its rights and its mounts.
    """
    end = b"\r\n" if b"\r\n" in content else b"\n"
    begun = b"" if not content or content.endswith((b"\r", b"\n")) else end
    added = begun + line.encode() + end
    try:
        if file.write(added) != len(added):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), len(content))
        raise


def _unreadable(fault: OSError) -> str:
    return f"the file of keys cannot be read: {fault.strerror}"
