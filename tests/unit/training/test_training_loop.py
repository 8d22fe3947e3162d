"""The trainer: what is interrupted goes on as if it had not been."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.train

# In a process of its own, as trainers are: TensorFlow stays out of the other tests.
SCRIPT = """
import json, sys
from pathlib import Path
import keras, numpy as np
from app.families.catalog import family_named
from app.families.contract import load
from app.store.shared_folder import LocalFolder
from app.training.checkpoints import Checkpoints
from app.training.export import ExportMismatch, check, export
from app.training.feature_cache import FeatureCache
from app.training import training_loop
from app.training.training_loop import train

folder = Path(sys.argv[1])
family = family_named("digit")
hyperparameters = family.hyperparameters(dataset="sample", epochs=3, seed=5)


class Stop(Exception):
    pass


def run(name, stop_after=None, stop_at_progress=None):
    keras.utils.set_random_seed(5)
    recipe = load(family.recipe)(hyperparameters)
    data = recipe.data(None)
    network = recipe.network(data)
    kinds = []

    def report(kind, **facts):
        kinds.append(kind)
        if kind == "epoch" and facts["epoch"] == stop_after:
            raise Stop
        if kinds.count("progress") == stop_at_progress:
            raise Stop

    position = None
    features = FeatureCache(folder / "features", 0, 1)
    try:
        checkpoints = Checkpoints(LocalFolder(folder / name), every_seconds=0 if name == "within" else float("inf"))
        position = train(network, data, recipe.phases(data), checkpoints, features, report)
    except Stop:
        pass
    return recipe, data, network, position, kinds


recipe, data, whole, position, kinds = run("whole")
run("parts", stop_after=1)
newest = max((folder / "parts").glob("checkpoint-[0-9]*"))
run("parts", stop_after=2)
max((folder / "parts").glob("checkpoint-[0-9]*")).write_bytes(b"cut off")
_, _, resumed, resumed_position, resumed_kinds = run("parts")
training_loop.REPORT_SECONDS = 0
run("within", stop_at_progress=20)
_, _, within, within_position, within_kinds = run("within")


def far(one, other):
    return max(float(np.abs(a - b).max()) for a, b in zip(one.get_weights(), other.get_weights()))


difference, within_difference = far(whole, resumed), far(whole, within)

staged = folder / "staged"
staged.mkdir()
export(whole, staged, recipe.signature)
same = check(whole, staged, recipe.signature, data.test.inputs[:64])
whole.set_weights([weights + 0.1 for weights in whole.get_weights()])
try:
    check(whole, staged, recipe.signature, data.test.inputs[:64])
    refused = False
except ExportMismatch:
    refused = True
print(json.dumps({
    "difference": difference,
    "epochs": [row["epoch"] for row in resumed_position.curves],
    "losses": [[row["loss"] for row in one.curves] for one in (position, resumed_position)],
    "within": within_difference, "within_epochs": [row["epoch"] for row in within_position.curves],
    "within_steps": within_kinds.count("progress"), "steps": -(-data.examples // 128),
    "kinds": kinds, "resumed_kinds": resumed_kinds, "same": same, "refused": refused,
    "files": sorted(path.name for path in staged.iterdir()),
}))
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("trainer")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_resumed_training_ends_as_an_uninterrupted_one_even_from_the_checkpoint_before(facts):
    assert facts["epochs"] == [1, 2, 3]
    whole, resumed = facts["losses"]
    assert resumed == pytest.approx(whole, abs=1e-6)
    assert facts["difference"] < 1e-6


def test_a_long_epoch_goes_on_from_the_batch_of_its_last_checkpoint(facts):
    assert facts["within_epochs"] == [1, 2, 3]
    assert facts["within_steps"] == 3 * facts["steps"] - 20
    assert facts["within"] < 1e-6


def test_an_epoch_that_was_checkpointed_is_not_trained_again(facts):
    assert facts["resumed_kinds"].count("epoch") == 2, "one was lost with its damaged checkpoint"


def test_a_training_reports_its_phase_progress_and_epochs(facts):
    assert facts["kinds"][0] == "phase"
    assert facts["kinds"].count("epoch") == 3


def test_an_export_agrees_with_keras_and_another_network_does_not(facts):
    assert all(difference <= 1e-4 for difference in facts["same"].values())
    assert facts["refused"]
    assert facts["files"] == ["model.keras", "model.onnx"]
