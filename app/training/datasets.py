"""Where data files are: in the configured folder, in Keras's cache, or to be downloaded. No Keras in here."""

import os
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from app.errors import MissingData
from app.families.contract import DataFile

REACH_SECONDS = 3


class Datasets:
    """Finds data files, and says what to do about those that are not there."""

    def __init__(self, data_dir: Path | None, *, offline: bool) -> None:
        self._data_dir = data_dir
        self._offline = offline

    def find(self, file: DataFile) -> Path | None:
        """Where the file lies on this machine, if it does."""
        return next((path for path in self._places(file) if path.is_file()), None)

    def check(self, files: Sequence[DataFile]) -> None:
        """Raise MissingData for the first file that is neither here nor within reach or does not fit."""
        for file in files:
            found = self.find(file)
            if found is None and (self._offline or not _within_reach(file.origin)):
                raise MissingData(self._advice(file))
            if found and file.check:
                file.check(found)

    def path(self, file: DataFile, download: Callable[[DataFile], Path]) -> Path:
        """Where the file lies, after a download if need be; raises MissingData."""
        found = self.find(file)
        if found:
            return found
        if self._offline:
            raise MissingData(self._advice(file))
        try:
            return download(file)
        except Exception as fault:  # Keras raises bare exceptions
            raise MissingData(f"{self._advice(file)} The download failed: {fault}") from fault

    def _places(self, file: DataFile) -> list[Path]:
        keras = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / file.folder
        folders = [self._data_dir, keras] if self._data_dir else [keras]
        return [folder / name for folder in folders for name in (file.name, *file.also)]

    def _advice(self, file: DataFile) -> str:
        folder = self._data_dir or "a folder that FITSERVE_DATA_DIR names"
        return (
            f"The data file {' or '.join((file.name, *file.also))} is missing. Put it into {folder}; "
            f"it can be had from {file.origin} (for example: curl -LO {file.origin})."
        )


def _within_reach(origin: str) -> bool:
    try:
        request = urllib.request.Request(origin, method="HEAD")
        with urllib.request.urlopen(request, timeout=REACH_SECONDS):
            return True
    except OSError:
        return False
