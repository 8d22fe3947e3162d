"""Training on packed lines: the same loss as all prefixes one by one, and the best epoch kept over interruptions."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.train

# In a process of its own, as trainers are: TensorFlow stays out of the other tests.
SCRIPT = """
import json, sys
from dataclasses import replace
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from app.families.contract import Split
from app.families.text.networks import RecurrentNetwork
from app.families.text.corpus import pack
from app.families.text.recipe import TextRecipe
from app.families.text.spec import TextHyperparameters
from app.store.shared_folder import LocalFolder
from app.training.checkpoints import Checkpoints
from app.training.feature_cache import FeatureCache
from app.training.generator_export import perplexity
from app.training.training_loop import train

folder = Path(sys.argv[1])
draw = np.random.default_rng(0)
lines = [draw.integers(2, 40, length) for length in (1, 4, 13, 6, 2, 9, 30, 5)]


def all_prefixes(reader):
    '''Every prefix of every line read from nothing by Keras's own layers: the mean loss of what follows each.'''
    inputs = keras.Input((None,), dtype="int32")
    values = reader.vectors(inputs)
    for index, cell in enumerate(reader.cells):
        values = keras.layers.RNN(cell, return_sequences=index + 1 < len(reader.cells))(values)
    network = keras.Model(inputs, reader.logits(values))
    plain = tf.function(lambda x: network(x), input_signature=[tf.TensorSpec((1, None), tf.int32)])
    losses = []
    for line in lines:
        whole = [0, *line, 0]
        for end in range(1, len(whole)):
            logits = np.asarray(plain(np.array([whole[:end]])))[0].astype(np.float64)
            losses.append(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[whole[end]])
    return float(np.mean(losses))


def packed(reader, window):
    one = pack(lines, 3, window)
    return float(np.log(perplexity(reader, Split(one.inputs, one.targets, one.weights))))


losses = {}
for cell in ("simple_rnn", "lstm", "gru"):
    for embedding in (16, 10):
        keras.utils.set_random_seed(1)
        reader = RecurrentNetwork(cell=cell, size=40, embedding=embedding, units=16, layers=2, dropout=0.3, rows=3)
        reader.set_weights([3 * weights for weights in reader.get_weights()])
        losses[f"{cell} {embedding}"] = [all_prefixes(reader), packed(reader, 7), packed(reader, 64)]


class Stop(Exception):
    pass


def run(name, stop_after=None):
    keras.utils.set_random_seed(5)
    recipe = TextRecipe(TextHyperparameters(units=24, epochs=6, learning_rate=0.05, dropout=0.1, seed=5))
    data = recipe.data(None)
    network = recipe.network(data)

    def report(kind, **facts):
        if kind == "epoch" and facts["epoch"] == stop_after:
            raise Stop

    checkpoints = Checkpoints(LocalFolder(folder / name))
    try:
        position = train(
            network, data, recipe.phases(data), checkpoints, FeatureCache(folder, 0, 1), report
        )
    except Stop:
        return None
    network.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    again = network.evaluate(data.validation.inputs, data.validation.targets, batch_size=network.rows, verbose=0)
    return network.get_weights(), [row["val_loss"] for row in position.curves], again


def first_rate(examples):
    '''The learning rate of the first step, as a fraction of the peak.'''
    recipe = TextRecipe(TextHyperparameters(units=4, epochs=1, learning_rate=0.05))
    data = recipe.data(None)
    network = recipe.network(data)
    recipe.phases(replace(data, examples=examples))[0].compile(network)
    return float(network.optimizer.learning_rate) / 0.05


weights, curve, left = run("whole")
run("parts", stop_after=2)
run("parts", stop_after=5)
resumed, resumed_curve, resumed_left = run("parts")
after = run("parts")
pairs = list(zip(weights, resumed)) + list(zip(weights, after[0]))
print(json.dumps({
    "losses": losses, "curve": curve, "left": left, "resumed_curve": resumed_curve, "resumed_left": resumed_left,
    "difference": max(float(np.abs(a - b).max()) for a, b in pairs[: len(weights)]),
    "ended_left": after[2],
    "first_rates": [first_rate(examples) for examples in (1, 100_000)],
}))
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("training")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_loss_of_packed_windows_is_that_of_all_prefixes(facts):
    assert len(facts["losses"]) == 6
    for name, (prefixes, *windows) in facts["losses"].items():
        assert windows == pytest.approx([prefixes] * 2, rel=1e-5), name


def test_the_best_epoch_stays(facts):
    assert min(facts["curve"]) < facts["curve"][-1], "the last epoch should be a worse one for this to mean anything"
    assert facts["left"] == pytest.approx(min(facts["curve"]), rel=1e-4)


def test_an_interrupted_training_keeps_the_same_best_epoch(facts):
    assert facts["resumed_curve"] == pytest.approx(facts["curve"], rel=1e-3)
    assert facts["resumed_left"] == pytest.approx(facts["left"], rel=1e-3)
    assert facts["difference"] < 1e-2
    assert facts["ended_left"] == pytest.approx(facts["left"], rel=1e-3), "an attempt that finds it all done"


def test_the_learning_rate_rises_also_in_a_training_of_one_step(facts):
    assert facts["first_rates"] == pytest.approx([0.1, 0.1])
