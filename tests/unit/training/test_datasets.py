"""Data files: found where people put them, and explained where they are not."""

from pathlib import Path

import pytest

from app.errors import MissingData
from app.families.contract import DataFile
from app.training.datasets import Datasets

FILE = DataFile(name="numbers.npz", origin="http://127.0.0.1:9/numbers.npz", digest="0" * 64)


def forbidden(_: DataFile) -> Path:
    pytest.fail("nothing should be downloaded")


def test_the_configured_folder_comes_before_keras_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for folder in (tmp_path / "mine", tmp_path / "keras" / "datasets"):
        folder.mkdir(parents=True)
        (folder / FILE.name).touch()
    assert Datasets(tmp_path / "mine", offline=True).path(FILE, forbidden) == tmp_path / "mine" / FILE.name
    assert Datasets(None, offline=True).path(FILE, forbidden) == tmp_path / "keras" / "datasets" / FILE.name


@pytest.mark.parametrize("offline", [True, False], ids=["offline", "out of reach"])
def test_missing_data_says_its_name_the_place_and_the_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: bool
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with pytest.raises(MissingData) as refusal:
        Datasets(tmp_path / "mine", offline=offline).check([FILE])
    for fact in (FILE.name, str(tmp_path / "mine"), FILE.origin):
        assert fact in str(refusal.value)


def test_a_download_that_fails_is_missing_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def broken(_: DataFile) -> Path:
        raise OSError("no route")

    with pytest.raises(MissingData, match="no route"):
        Datasets(None, offline=False).path(FILE, broken)
