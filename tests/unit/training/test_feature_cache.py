"""The boundary feature cache: less work, the same mathematics."""

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.train

# In a process of its own, as trainers are: TensorFlow stays out of the other tests.
SCRIPT = """
import json, sys, time
from dataclasses import replace
from pathlib import Path
import keras, numpy as np
from keras import layers
from app.families.contract import Data, StaticDataset, Phase, Split
from app.store.shared_folder import LocalFolder
from app.training import feature_cache, small_map_convolution
from app.training.checkpoints import Checkpoints
from app.training.feature_cache import FeatureCache, find_boundary
from app.training.training_loop import train

folder = Path(sys.argv[1])
draw = np.random.default_rng(0)
pictures = draw.random((48, 8, 8, 3)).astype(np.float32)
targets = draw.integers(0, 4, 48)
seen_rows = []


def inputs(rows):
    seen_rows.append(len(rows))
    return pictures[rows]


order = lambda phase, epoch: np.random.default_rng(epoch).permutation(32)
fixed = StaticDataset(inputs, targets[:32], order, "pictures")
held_out = Split(pictures[32:], targets[32:])
data = Data("d", tuple("abcd"), 32, None, held_out, held_out, "f", "t", fixed)


def network(loud=1.0):
    keras.utils.set_random_seed(3)
    given = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="a")(given)
    x = layers.MaxPooling2D(4, name="a_pool")(x)
    shortcut = x
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="b")(x)
    x = layers.BatchNormalization(name="b_norm")(x)
    x = layers.Add(name="b_add")([x, shortcut])
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="c")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dropout(0.5, name="drop")(x)
    made = keras.Model(given, layers.Dense(4, activation="softmax", name="out")(x))
    made.get_layer("a").kernel.assign(made.get_layer("a").kernel * loud)
    return made


def compile(net):
    net.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)


def phase(name, epochs, learning, is_fixed=True):
    return Phase(name, epochs, 16, compile, lambda _: frozenset(learning), is_fixed)


HEAD, DEEP = {"out"}, {"c", "out"}
phases = [phase("head", 2, HEAD), phase("deep", 2, DEEP)]


def run(cache, name, phases=phases, net=None):
    logs = []
    seen_rows.clear()
    net = net or network()
    checkpoints = Checkpoints(LocalFolder(folder / name))
    train(net, data, phases, checkpoints, cache, lambda kind, **facts: logs.append((kind, facts)))
    return net, [facts["text"] for kind, facts in logs if kind == "log"], sum(seen_rows)


def far(one, other):
    return max(float(np.abs(a - b).max()) for a, b in zip(one.get_weights(), other.get_weights()))


multiply = small_map_convolution.multiply_densely
import app.training.training_loop as trainer
trainer.multiply_densely = lambda network: None
whole, whole_logs, whole_rows = run(FeatureCache(folder / "none", 0, 1), "whole")
trainer.multiply_densely = multiply

cache = FeatureCache(folder / "cache", 1_000_000, 1)
cached, cached_logs, cached_rows = run(cache, "cached")
again, again_logs, again_rows = run(cache, "again")
files = sorted(path.stat().st_size for path in (folder / "cache").iterdir())
other_weights, other_logs, _ = run(cache, "other", net=network(loud=2.0))
fell_back, overflow_logs, _ = run(FeatureCache(folder / "overflow", 1_000_000, 1), "overflow", net=network(loud=1e6))

FeatureCache(folder / "cache", 20_000, 1)._make_room(15_000)
bounded = sum(path.stat().st_size for path in (folder / "cache").iterdir())
(folder / "cache" / "old.partial").touch()
import os
os.utime(folder / "cache" / "old.partial", (0, 0))
FeatureCache(folder / "cache", 1_000_000, 0.0)._make_room(0)
emptied = len(list((folder / "cache").iterdir()))

net = network()
x = pictures[:4]
before = net(x).numpy()
convolved = net.get_layer("b")(np.ones((3, 2, 2, 8), np.float32)).numpy()
multiply(net)
dense_gap = float(np.abs(net(x).numpy() - before).max())
overridden = [layer.name for layer in net.layers if "convolution_op" in layer.__dict__]

whole_first = phase("first", 1, {"a", "b", "b_norm", "c", "out"})
print(json.dumps({
    "far": far(whole, cached), "far_again": far(cached, again), "moved": far(whole, network()),
    "whole_logs": whole_logs, "cached_logs": cached_logs, "again_logs": again_logs, "other_logs": other_logs,
    "overflow_logs": overflow_logs, "rows": [whole_rows, cached_rows, again_rows],
    "files": files, "bounded": bounded, "emptied": emptied,
    "dense_gap": dense_gap, "overridden": overridden,
    "cuts": [cut and cut.layers[-1].name for cut in (
        find_boundary(net, phase("x", 1, HEAD)), find_boundary(net, phase("x", 1, DEEP)),
        find_boundary(net, phase("x", 1, {"b", "out"})), find_boundary(net, whole_first))],
}))
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("frozen")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_both_phases_end_with_the_weights_of_the_whole_network(facts):
    assert facts["moved"] > 0.01, "the training moves weights"
    assert facts["far"] < 0.002, "float16 is all that lies between"
    assert facts["far_again"] == 0


def test_the_boundary_is_the_deepest_through_which_everything_sees_the_input(facts):
    assert facts["cuts"] == ["flat", "b_add", "a_pool", None]


def test_the_frozen_layers_see_each_example_once_for_both_phases(facts):
    whole, cached, again = facts["rows"]
    assert whole == 4 * (32 + 1), "one is looked at for its shape"
    assert cached == 32
    assert again == 0


def test_a_later_training_starts_from_the_cache_at_once(facts):
    assert any("once" in text for text in facts["cached_logs"])
    assert facts["again_logs"][0] == "the features of the frozen layers were there already"


def test_events_say_how_much_work_was_saved(facts):
    assert any(text.startswith("head trains from flat on: 8 of 10 layers") for text in facts["cached_logs"])


def test_other_weights_are_other_features(facts):
    assert any("once" in text for text in facts["other_logs"])


def test_too_little_room_means_the_whole_network(facts):
    assert any("more than are allowed" in text for text in facts["whole_logs"])


def test_features_beyond_float16_mean_the_whole_network(facts):
    assert any("exceed float16" in text for text in facts["overflow_logs"])


def test_the_folder_stays_within_its_size_and_forgets_what_is_old(facts):
    assert len(facts["files"]) == 2
    assert facts["bounded"] <= 5_000
    assert facts["emptied"] == 0


def test_small_maps_as_dense_products_give_the_same_numbers(facts):
    assert facts["overridden"] == ["b", "c"]
    assert facts["dense_gap"] < 1e-6
