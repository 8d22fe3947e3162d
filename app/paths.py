"""Where things lie: a bucket that a setting names, and the folders that the system has for a program's own files."""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

JOBS = ".jobs"  # of a store: the folder of what jobs leave
CORPORA = ".corpora"  # and that of texts which came with requests
SCHEME = "s3://"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT = re.compile(r"(?!\.\.?$)[\w.=+@-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class Bucket:
    """A part of a bucket: all that is under one prefix."""

    name: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.name}/{self.prefix}".rstrip("/")

    @property
    def path(self) -> Path:
        """The same as a relative path, for what is kept of it on this machine."""
        return Path(self.name, self.prefix)


def parse_store(value: object) -> object:
    """A Bucket for `s3://BUCKET/PREFIX`, anything else as it is; raises ValueError for an address of another kind."""
    if isinstance(value, Bucket) or "://" not in str(value):
        return value
    name, _, prefix = str(value).removeprefix(SCHEME).partition("/")
    segments = prefix.strip("/").split("/") if prefix.strip("/") else []
    sound = _NAME.fullmatch(name) and all(map(_SEGMENT.fullmatch, segments))
    if not str(value).startswith(SCHEME) or not sound:
        raise ValueError(f"expected a folder or {SCHEME}BUCKET/PREFIX")
    return Bucket(name, "/".join(segments))


def cache_folder() -> Path:
    """Where the system wants what can be had again, or its temporary folder where that cannot be written."""
    folder = _user_folder("XDG_CACHE_HOME", ".cache")
    if folder and os.access(nearest_existing(folder), os.W_OK):
        return folder / "fitserve"
    return Path(tempfile.gettempdir()) / f"fitserve-{os.getuid()}"


def state_folder() -> Path | None:
    """Where the system wants what has to last; None for a user without a home."""
    folder = _user_folder("XDG_STATE_HOME", ".local/state")
    return folder and folder / "fitserve"


def _user_folder(variable: str, otherwise: str) -> Path | None:
    chosen = os.environ.get(variable, "")
    if Path(chosen).is_absolute():
        return Path(chosen)
    try:
        return Path.home() / otherwise
    except RuntimeError:
        return None


def nearest_existing(path: Path) -> Path:
    """The path, or the folder above it that is there already."""
    return path if path.exists() else nearest_existing(path.parent)
