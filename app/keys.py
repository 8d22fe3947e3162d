"""API keys: a file of hashes says who may do what; a key itself is told once, when it is made."""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.errors import Conflict, InvalidRequest
from app.telemetry import log

PREFIX = "fitserve_"
LINE = re.compile(r"(predict|train|admin) ([0-9a-f]{64}) ([\w.-]{1,64})")


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
    """The keys in a file, read again when it changes; a file that cannot be read leaves the keys as they were."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: object = None
        self._keys: tuple[Key, ...] = ()

    def open(self) -> None:
        """Read the file; raises InvalidRequest when it is missing or a line is no key."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._stamp = stamp
                self._keys = read_keys(self._path)
        except OSError as fault:
            raise InvalidRequest(f"the file of keys cannot be read: {fault}") from fault

    def find(self, presented: str) -> Key | None:
        """The key that this is. The hash is compared with every one, in constant time."""
        try:
            self.open()
        except InvalidRequest as fault:
            log.error("the keys stay as they were: %s", fault)
        digest = hashlib.sha256(presented.encode()).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys in a file; raises InvalidRequest for a line that is none, OSError when there is no file."""
    keys = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = LINE.fullmatch(line.strip())
        if parts is None:
            raise InvalidRequest(f"{path}, line {number}: expected `predict|train|admin SHA256 NAME`")
        keys.append(Key(Scope(parts[1]), bytes.fromhex(parts[2]), parts[3]))
    return tuple(keys)


def create_key(path: Path, scope: Scope, name: str) -> str:
    """A new key, whose hash is appended to the file; raises InvalidRequest for the name, Conflict when it is taken.

    256 random bits need no slow hash: there is nothing to guess.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    line = f"{scope} {hashlib.sha256(secret.encode()).hexdigest()} {name}"
    if not LINE.fullmatch(line):
        raise InvalidRequest(f"{name!r} is no name for a key: expected 1 to 64 letters, digits, `.`, `_` or `-`")
    if path.exists() and any(key.name == name for key in read_keys(path)):
        raise Conflict(f"there is a key named {name!r} in {path} already")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
        file.write(line + "\n")
    return secret
