"""Withdrawals: the versions that ran away, which are out of service until somebody promotes them again."""

from collections.abc import Collection, Iterable, Mapping

from app.errors import FitserveError
from app.logging import log
from app.store.model_store import ModelStore


class Withdrawals:
    """What the store says was withdrawn, and what this process saw run away and could not write there yet."""

    def __init__(self, store: ModelStore, models: Iterable[str]) -> None:
        self._store = store
        self._stored: dict[str, Mapping[int, str]] = {model: {} for model in models}
        self._unsaved: dict[str, dict[int, str]] = {model: {} for model in models}

    def of(self, model: str) -> Mapping[int, str]:
        """The versions of a model that are out of service, and why."""
        return {**self._stored[model], **self._unsaved[model]}

    def add(self, model: str, version: int, reason: str) -> None:
        """Take a version out of service, here and now."""
        self._unsaved[model][version] = reason

    def forget(self, model: str, version: int) -> None:
        """Let this process load it again."""
        self._unsaved[model].pop(version, None)

    def save(self, model: str) -> None:
        """Have the store say so too, for other processes and the next start; runs in a thread."""
        for version, reason in list(self._unsaved[model].items()):
            try:
                self._store.withdraw(model, version, reason)
            except (FitserveError, OSError) as fault:
                log.error("that version %d of %s is withdrawn could not be written: %s", version, model, fault)
            else:
                self._stored[model] = {**self._stored[model], version: reason}
                self._unsaved[model].pop(version, None)

    def see(self, model: str, stored: Mapping[int, str]) -> Collection[int]:
        """Take what the store says now; returns the versions that it does not withdraw any more."""
        back = self._stored[model].keys() - stored.keys() - self._unsaved[model].keys()
        self._stored[model] = stored
        return back
