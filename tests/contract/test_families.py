"""What every family must keep, whatever it recognises."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.datasets.datasets import Datasets
from app.errors import Damaged
from app.families.catalog import find_families
from app.families.contract import Family, Hyperparameters, load
from app.jobs.journal import Journal
from app.jobs.launchers.local import LocalLauncher
from app.serving.runtimes.onnx import OnnxRuntime
from app.serving.runtimes.signatures import inputs_of, outputs_of
from app.settings import Settings
from app.store.model_store import ModelStore
from app.store.opening import open_store
from app.store.version import Card, verify
from app.submission.training import submit
from app.training import main
from tests.networks import some_inputs
from tests.stored_versions import load_version

FAMILIES = find_families()
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


def test_the_catalogue_finds_the_folders():
    folders = {path.parent.name for path in Path(main.__file__).parent.parent.glob("families/*/spec.py")}
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
    assert family.model(family.hyperparameters()) in family.built_in_models
    assert list(family.files(family.hyperparameters(**family.sample))) == [], "a sample needs no download"


@every_family
def test_describing_and_serving_import_nothing_heavy(family: Family):
    module = family.servable.partition(":")[0]
    script = f"import sys, app.families.{family.name}.spec, {module}; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert load(family.servable)


@dataclass(frozen=True)
class Trained:
    """A version that the family's sample made, and where it lies."""

    family: Family
    store: ModelStore
    card: Card


@pytest.fixture(scope="module", params=FAMILIES.values(), ids=list(FAMILIES))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trained in a process of its own, in every format."""
    family: Family = request.param
    settings = Settings(store=tmp_path_factory.mktemp(family.name) / "store", offline=True)
    journal = Journal(settings.journal_url).open()
    queue: Any = {"formats": ("savedmodel",), "journal": journal, "datasets": Datasets(None, offline=True)}
    queue |= {"store": ModelStore(settings.local_folder), "max_queued": 1, "max_models": 1}
    (asked,) = submit(family, dict(family.sample), "if_better", **queue)
    job = journal.claim(60)
    assert job is not None
    trainer = LocalLauncher(settings.workspace, settings.environment()).launch(job)
    assert trainer._process.wait(240) == 0, trainer.log_tail()
    ended = journal.get(asked.id)
    journal.close()
    assert ended.result is not None, ended.error
    assert ended.result["promoted"]
    store = open_store(settings)
    return Trained(family, store, store.card(ended.model, ended.result["version"]))


@pytest.mark.train
def test_the_sample_trains_into_a_version_that_answers(trained: Trained):
    card, servable = load_version(
        trained.store, OnnxRuntime(1), trained.family, trained.card.model, trained.card.version
    )
    assert {"model.onnx", "model.keras", "evaluation.json", "history.png"} <= set(card.files)
    assert card.primary_metric in card.metrics
    if trained.family.task == "generate":
        prompt = servable.read("")
        assert list(prompt.tokens) == [servable.end]
        logits, states = servable.step(np.array([servable.end] * 3), servable.initial_state(3))
        assert logits.shape == (3, servable.size)
        assert [len(state) for state in states] == [3] * len(card.states)
        return
    assert {"confusion.png", "mistakes.png", "guesses.npy"} <= set(card.files)
    outputs = servable.predict([servable.example()] * 3)
    assert len(outputs) == 3
    answer = servable.answer(outputs[0], 1)
    assert (answer.model, answer.version) == (card.model, card.version)


@pytest.mark.train
def test_a_version_lies_where_tensorflow_serving_looks(trained: Trained, tmp_path: Path):
    folder = trained.store.folder(trained.card.model, trained.card.version)
    assert folder.parts[-3:] == ("store", trained.card.model, "1"), "an integer below the model's base path"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"} <= files
    assert files == {*trained.card.files, "version.json"}, "the card has the sum of every file"
    assert all(any(path.iterdir()) for path in folder.rglob("*") if path.is_dir()), "an empty folder gets lost"
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "variables" / "variables.index").write_bytes(b"altered")
    with pytest.raises(Damaged, match=r"variables/variables\.index"):
        verify(copy, trained.card)


@pytest.mark.train
def test_a_saved_model_is_what_tensorflow_serving_loads(trained: Trained):
    import tensorflow as tf  # noqa: PLC0415  heavy
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: PLC0415

    card, folder = trained.card, trained.store.folder(trained.card.model, trained.card.version)
    (graph,) = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
    signature = graph.signature_def["serving_default"]
    assert signature.method_name == "tensorflow/serving/predict"
    for said, expected in ((signature.inputs, inputs_of(card)), (signature.outputs, outputs_of(card))):
        found = {
            name: (tf.as_dtype(info.dtype).name, tuple(side.size for side in info.tensor_shape.dim))
            for name, info in said.items()
        }
        assert found == {tensor.name: (tensor.dtype, tensor.shape) for tensor in expected}

    loaded = tf.saved_model.load(str(folder), tags=["serve"])
    serve, onnx = loaded.signatures["serving_default"], OnnxRuntime(1).load(folder)
    for rows in (1, 3):
        inputs = some_inputs(card, rows)
        outputs, served = serve(**{name: tf.constant(array) for name, array in inputs.items()}), onnx(inputs)
        for name, array in outputs.items():
            assert np.abs(array.numpy() - served[name]).max() < 1e-4
