"""fitserve models: a model of one's own is listed, promoted and deleted; fitserve train says how to try it."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.models import group
from app.cli.train import _next_step
from app.errors import Conflict
from app.families.catalog import family_named
from app.jobs.job import Job, Status, now
from app.store.model_store import ModelStore
from tests.fakes import publish_tiny


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("FITSERVE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FITSERVE_STARTERS", str(tmp_path / "none"))
    made = ModelStore(tmp_path / "store")
    for _ in range(2):
        publish_tiny(made, model="mine")
    made.promote("mine", 1)
    return made


def run(*arguments: str) -> Any:
    return CliRunner().invoke(group, list(arguments))


def test_models_of_one_s_own_are_listed(store: ModelStore):
    assert store.models() == ["mine"]
    assert "mine" in run().stdout


def test_a_version_is_made_live_by_its_number(store: ModelStore):
    assert run("promote", "mine", "2").exit_code == 0
    assert store.aliases("mine") == {"live": 2, "previous": 1}


def test_a_model_of_one_s_own_is_deleted_and_a_built_in_one_is_not(store: ModelStore):
    assert isinstance(run("delete", "digit").exception, Conflict)
    assert run("delete", "mine").exit_code == 0
    assert store.models() == []


@pytest.mark.parametrize(
    ("family", "promoted", "hint"),
    [
        ("text", True, "fitserve generate 'Once upon a time' --model mine"),
        ("text", False, "fitserve generate 'Once upon a time' --model mine --version 3"),
        ("digit", True, "fitserve predict mine PICTURE"),
    ],
)
def test_the_next_step_after_a_training_is_to_try_it(family: str, promoted: bool, hint: str):
    result = {"model": "mine", "version": 3, "promoted": promoted}
    facts: Any = {"id": "j", "created": now(), "status": Status.SUCCEEDED, "hyperparameters": {}}
    assert (
        _next_step(family_named(family), Job(family=family, model="mine", result=result, **facts)) == f"Try it: {hint}"
    )
