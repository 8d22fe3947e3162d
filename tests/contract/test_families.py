"""What every family must keep, whatever it recognises."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from app.families.catalog import find_families
from app.families.contract import Family, Hyperparameters, load
from app.jobs.journal import Journal
from app.jobs.launchers.local import LocalLauncher
from app.serving.loading import load_version
from app.serving.onnx_runtime import OnnxRuntime
from app.settings import Settings
from app.store.opening import open_store
from app.training import worker
from app.training.datasets import Datasets
from app.training.submission import submit

FAMILIES = find_families()
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


def test_the_catalogue_finds_the_folders():
    folders = {path.parent.name for path in Path(worker.__file__).parent.parent.glob("families/*/spec.py")}
    assert set(FAMILIES) == folders


@every_family
def test_hyperparameters_explain_themselves_and_refuse_strangers(family: Family):
    assert issubclass(family.hyperparameters, Hyperparameters)
    for name, field in family.hyperparameters.model_fields.items():
        assert field.description, f"{name} needs a description"
    family.hyperparameters()
    family.hyperparameters(**family.sample)
    with pytest.raises(ValidationError):
        family.hyperparameters.model_validate({"stranger": 1})


@every_family
def test_models_belong_to_their_family(family: Family):
    assert family.model(family.hyperparameters()) in family.models
    assert list(family.files(family.hyperparameters(**family.sample))) == [], "a sample needs no download"


@every_family
def test_describing_and_serving_import_nothing_heavy(family: Family):
    module = family.servable.partition(":")[0]
    script = f"import sys, app.families.{family.name}.spec, {module}; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert load(family.servable)


@every_family
@pytest.mark.train
def test_the_sample_trains_into_a_version_that_answers(family: Family, tmp_path: Path):
    settings = Settings(store=tmp_path / "store", offline=True)
    journal = Journal(settings.journal_url).open()
    datasets = Datasets(None, offline=True)
    (asked,) = submit(family, dict(family.sample), "if_better", journal=journal, datasets=datasets, max_queued=1)
    job = journal.claim(60)
    assert job is not None
    trainer = LocalLauncher(settings.workspace, settings.environment()).launch(job)
    assert trainer._process.wait(240) == 0, trainer.last_words()
    ended = journal.get(asked.id)
    journal.close()
    assert ended.result is not None, ended.error
    assert ended.result["promoted"]

    store = open_store(settings)
    card, servable = load_version(store, OnnxRuntime(1), family, ended.model, ended.result["version"])
    assert {"model.onnx", "model.keras", "evaluation.json", "history.png"} <= set(card.files)
    assert card.primary_metric in card.metrics
    if family.task == "generate":
        prompt = servable.read("")
        assert list(prompt.tokens) == [servable.end]
        logits, states = servable.step(np.array([servable.end] * 3), servable.blank(3))
        assert logits.shape == (3, servable.size)
        assert [len(state) for state in states] == [3] * len(card.states)
        return
    assert {"confusion.png", "mistakes.png", "guesses.npy"} <= set(card.files)
    outputs = servable.predict([servable.example()] * 3)
    assert len(outputs) == 3
    answer = servable.answer(outputs[0], 1)
    assert (answer.model, answer.version) == (card.model, card.version)
