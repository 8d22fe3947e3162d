"""Data files: found where people put them, and explained where they are not."""

from pathlib import Path

import pytest

from app.datasets.datasets import Datasets
from app.errors import MissingData
from app.families.contract import DataFile
from tests.store_fixtures import BucketStore, StoreFixture

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
    with pytest.raises(MissingData) as invalid_text:
        Datasets(tmp_path / "mine", offline=offline).check([FILE])
    for fact in (FILE.name, str(tmp_path / "mine"), FILE.origin):
        assert fact in str(invalid_text.value)


def test_a_download_that_fails_is_missing_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def broken(_: DataFile) -> Path:
        raise OSError("no route")

    with pytest.raises(MissingData, match="no route"):
        Datasets(None, offline=False).path(FILE, broken)


def test_a_text_that_came_with_a_request_is_found_by_trainers_on_other_nodes(
    store_fixture: StoreFixture, tmp_path: Path
):
    stores = [store_fixture.store(), store_fixture.store()]
    if isinstance(store_fixture, BucketStore):
        stores = [store_fixture.on(tmp_path / name) for name in ("one", "other")]
    asked, trainer = (Datasets(None, offline=True, uploads=store.corpora) for store in stores)
    name = asked.keep("나는 오늘 산책을 했다".encode())
    found = trainer.find(DataFile(name=f"{name}.txt", origin="", digest=""))
    assert found
    assert found.read_text() == "나는 오늘 산책을 했다"
    assert trainer.keep(found.read_bytes()) == name, "the same text has the same name"
    assert trainer.find(DataFile(name="given-0.txt", origin="", digest="")) is None
