"""Where the store is, and what of it and beside it lies on this machine."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import InvalidRequest
from app.paths import Bucket, cache_folder
from app.settings import Settings


@pytest.mark.parametrize(
    ("value", "store"),
    [
        ("s3://bucket", Bucket("bucket")),
        ("s3://bucket/", Bucket("bucket")),
        ("s3://my.bucket-1/a/b_c/v=1/", Bucket("my.bucket-1", "a/b_c/v=1")),
        ("models_store", Path("models_store")),
        ("/volume/store", Path("/volume/store")),
        ("123", Path("123")),
        ("[1]", Path("[1]")),
    ],
)
def test_a_store_is_a_folder_or_a_bucket(monkeypatch: pytest.MonkeyPatch, value: str, store: object):
    monkeypatch.setenv("FITSERVE_STORE", value)
    assert Settings().store == store


@pytest.mark.parametrize(
    "value", ["gs://bucket/x", "s3://", "s3://B", "s3://bucket/../x", "s3://bucket/a//b", "s3://bucket/a?b", "http://x"]
)
def test_an_address_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("FITSERVE_STORE", value)
    with pytest.raises(ValidationError, match="expected a folder or s3://BUCKET/PREFIX"):
        Settings()


def test_another_process_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for settings in (Settings(store=tmp_path), Settings(store=Bucket("bucket", "a/b"), cache=tmp_path, journal="x://")):
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        assert Settings() == settings.model_copy(update={"log_format": settings.log_form})


def test_everything_lies_in_the_store_s_folder(tmp_path: Path):
    settings = Settings(store=tmp_path)
    assert settings.journal_url == f"sqlite:///{tmp_path}/.journal.db"
    assert (settings.workspace, settings.feature_cache_folder) == (tmp_path / ".jobs", tmp_path / ".features")


def test_of_a_bucket_this_machine_has_a_cache_and_a_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(store=Bucket("bucket", "a"))
    assert settings.local_folder == tmp_path / ".cache" / "fitserve" / "bucket" / "a"
    assert settings.workspace == settings.local_folder / ".jobs"
    assert settings.journal_url == f"sqlite:///{tmp_path}/.local/state/fitserve/bucket/a/.journal.db"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))
    assert settings.local_folder == tmp_path / "caches" / "fitserve" / "bucket" / "a"
    assert settings.journal_url == f"sqlite:///{tmp_path}/states/fitserve/bucket/a/.journal.db"
    named = settings.model_copy(update={"cache": tmp_path / "mine", "journal": "sqlite:///mine.db"})
    assert (named.local_folder, named.journal_url) == (tmp_path / "mine" / "bucket" / "a", "sqlite:///mine.db")


def test_without_a_home_there_is_a_cache_but_no_place_for_a_journal(monkeypatch: pytest.MonkeyPatch):
    def homeless(*_: object) -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert cache_folder().name.startswith("fitserve-")
    with pytest.raises(InvalidRequest, match="FITSERVE_JOURNAL"):
        _ = Settings(store=Bucket("bucket")).journal_url
