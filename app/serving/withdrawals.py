"""Withdrawals: the versions that ran away, which are out of service until somebody promotes them again."""

from collections.abc import Collection, Mapping

from app.errors import FitserveError
from app.logging import log
from app.store.model_store import ModelStore


class Withdrawals:
    """What the store says was withdrawn of a model, and what this process saw run away and could not write yet."""

    def __init__(self, store: ModelStore, model: str) -> None:
        self._store = store
        self._model = model
        self._stored: Mapping[int, str] = {}
        self._unsaved: dict[int, str] = {}

    def all(self) -> Mapping[int, str]:
        """The versions that are out of service, and why."""
        return {**self._stored, **self._unsaved}

    def add(self, version: int, reason: str) -> None:
        """Take a version out of service, here and now."""
        self._unsaved[version] = reason

    def forget(self, version: int) -> None:
        """Let this process load it again."""
        self._unsaved.pop(version, None)

    def save(self) -> None:
        """Have the store say so too, for other processes and the next start; runs in a thread."""
        for version, reason in list(self._unsaved.items()):
            try:
                self._store.withdraw(self._model, version, reason)
            except (FitserveError, OSError) as fault:
                log.error("that version %d of %s is withdrawn could not be written: %s", version, self._model, fault)
            else:
                self._stored = {**self._stored, version: reason}
                self._unsaved.pop(version, None)

    def update(self, stored: Mapping[int, str]) -> Collection[int]:
        """Take what the store says now; returns the versions that it does not withdraw any more."""
        back = self._stored.keys() - stored.keys() - self._unsaved.keys()
        self._stored = stored
        return back
