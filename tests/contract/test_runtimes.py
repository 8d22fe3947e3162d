"""What every runtime must keep, whatever it runs on: one suite over ONNX Runtime and both ways of TensorFlow.

TensorFlow runs in this process, on the CPU. What only a GPU can show is at the end, and skipped without one.
"""

import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import Damaged, Unavailable
from app.families.contract import Array, Executable, Signature, Tensor, next_state_name
from app.serving.runtimes.onnx import OnnxRuntime
from app.serving.runtimes.protocol import Runtime
from app.serving.runtimes.selection import ROOT, why_no_gpu, why_no_gpu_support
from app.serving.runtimes.signatures import inputs_of, outputs_of
from app.settings import STARTERS
from app.store.version import CARD, SAVED_MODEL, Card, checksums, read_card
from tests.networks import FEATURED, PICTURE, TEXT, card_in, export_small, some_inputs
from tests.service import Service
from tests.waiting import until

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's variables
    pytest.mark.filterwarnings("ignore:In the future:FutureWarning"),  # tf2onnx
]

LARGEST = 8  # rows that TensorFlow runs together
MODELS = sorted(path.name for path in STARTERS.iterdir() if (path / "1" / CARD).is_file())


def tensorflow(largest: int = LARGEST) -> Any:
    from app.serving.runtimes.tensorflow import TensorflowRuntime  # noqa: PLC0415  heavy

    return TensorflowRuntime(largest)


WAYS: dict[str, Callable[[], Runtime]] = {
    "onnxruntime_onnx": lambda: OnnxRuntime(1),
    "tensorflow_savedmodel": tensorflow,
    "tensorflow_keras": tensorflow,
}
every_way = pytest.mark.parametrize("way", WAYS)
every_network = pytest.mark.parametrize("network", ["picture", "featured", "text"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small networks, in every format, and once more without a SavedModel."""
    root = tmp_path_factory.mktemp("made")
    for name, signature in (("picture", PICTURE), ("featured", FEATURED), ("text", TEXT)):
        export_small(root / name, signature)
        bare = shutil.copytree(root / name, root / f"{name}-bare", ignore=shutil.ignore_patterns("saved*", "var*"))
        card_in(bare, signature)
    return root


def folder_of(made: Path, network: str, way: str) -> Path:
    return made / (f"{network}-bare" if way == "tensorflow_keras" else network)


@pytest.fixture
def folder(made: Path, network: str, way: str) -> Path:
    return folder_of(made, network, way)


@pytest.fixture
def card(folder: Path) -> Card:
    return read_card(folder)


@pytest.fixture
def run(folder: Path, way: str) -> Executable:
    return WAYS[way]().load(folder)


@every_way
@every_network
def test_outputs_come_in_the_order_of_the_card_with_its_types(run: Executable, card: Card):
    outputs = run(some_inputs(card, 3))
    given = [*outputs_of(card), *([card.features] if card.features else [])]
    assert list(outputs) == [tensor.name for tensor in given]
    for tensor in given:
        array = outputs[tensor.name]
        assert (array.dtype.name, array.shape) == (tensor.dtype, (3, *tensor.shape[1:]))


def test_every_way_gives_the_same_features(made: Path):
    given = []
    for way, runtime in WAYS.items():
        folder = folder_of(made, "featured", way)
        given.append(runtime().load(folder)(some_inputs(read_card(folder), 5))["features"])
    assert given[0].std() > 0
    for other in given[1:]:
        np.testing.assert_allclose(other, given[0], atol=1e-5)


def test_tensorflow_serving_gets_no_features(made: Path):
    import tensorflow as tf  # noqa: PLC0415  heavy

    signatures = tf.saved_model.load(str(made / "featured")).signatures
    assert list(signatures["serving_default"].structured_outputs) == ["probabilities"]


@every_way
@every_network
def test_it_says_what_it_runs(folder: Path, card: Card, way: str):
    runtime = WAYS[way]()
    runtime.load(folder)
    assert (runtime.name, runtime.platform(card), runtime.fault) == (way.partition("_")[0], way, None)


@every_way
@every_network
def test_each_row_of_a_batch_is_answered_as_if_it_were_alone(run: Executable, card: Card):
    many = some_inputs(card, 5)
    together = run(many)
    for row in range(5):
        alone = run({name: array[row : row + 1] for name, array in many.items()})
        for name, array in alone.items():
            np.testing.assert_allclose(together[name][row : row + 1], array, atol=1e-6)


@every_way
@every_network
@pytest.mark.parametrize("rows", [0, 1, 3, LARGEST, LARGEST + 1, 3 * LARGEST - 1])
def test_a_batch_has_any_size(run: Executable, card: Card, rows: int):
    outputs = run(some_inputs(card, rows))
    assert {name: len(array) for name, array in outputs.items()} == dict.fromkeys(outputs, rows)
    fewer = run({name: array[: rows // 2] for name, array in some_inputs(card, rows).items()})
    for name, array in fewer.items():
        np.testing.assert_allclose(outputs[name][: rows // 2], array, atol=1e-6)


@every_way
@every_network
def test_the_answers_are_the_caller_s_to_change(run: Executable, card: Card):
    inputs = some_inputs(card, 2)
    before = {name: array.copy() for name, array in inputs.items()}
    for array in run(inputs).values():
        array[:] = -np.inf
    again = run(inputs)
    assert all(np.isfinite(array).all() for array in again.values())
    assert all((inputs[name] == array).all() for name, array in before.items())


@every_way
@pytest.mark.parametrize("network", ["text"])
def test_states_are_carried_row_by_row(run: Executable, card: Card):
    inputs = some_inputs(card, 4)
    states = [state.name for state in card.states]
    first = run(inputs)
    carried = {**inputs, **{name: first[next_state_name(name)] for name in states}}
    second = run(carried)
    assert not np.allclose(second[card.output.name], first[card.output.name], atol=1e-3), "a state makes a difference"
    turned = run({name: array[::-1] for name, array in carried.items()})
    for name, array in second.items():
        np.testing.assert_allclose(turned[name][::-1], array, atol=1e-6)


@every_way
@every_network
def test_two_threads_at_once_get_their_own_answers(run: Executable, card: Card):
    asked = [some_inputs(card, 1 + seed % 5, seed) for seed in range(40)]
    expected = [run(inputs) for inputs in asked]
    with ThreadPoolExecutor(2) as threads:
        answered = list(threads.map(run, asked))
    for outputs, alone in zip(answered, expected, strict=True):
        for name, array in alone.items():
            np.testing.assert_allclose(outputs[name], array, atol=1e-6)


FILES = {
    "onnxruntime_onnx": ["model.onnx"],
    "tensorflow_savedmodel": ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"],
    "tensorflow_keras": ["model.keras"],
}


@pytest.mark.parametrize(("way", "file"), [(way, file) for way, files in FILES.items() for file in files])
@pytest.mark.parametrize("spoil", ["remove", "empty", "cut", "overwrite"])
def test_a_damaged_file_is_not_loaded(made: Path, tmp_path: Path, way: str, file: str, spoil: str):
    copy = shutil.copytree(folder_of(made, "picture", way), tmp_path / "copy")
    content = (copy / file).read_bytes()
    (copy / file).unlink()
    if spoil != "remove":
        spoiled = {"empty": b"", "cut": content[: len(content) // 2], "overwrite": b"\x07" * len(content)}
        (copy / file).write_bytes(spoiled[spoil])
    with pytest.raises(Damaged):
        WAYS[way]().load(copy)


@pytest.mark.parametrize("model", MODELS)
def test_both_runtimes_agree_on_the_starters(model: str):
    folder = STARTERS / model / "1"
    card = read_card(folder)
    one, other = OnnxRuntime(1).load(folder), tensorflow().load(folder)
    mine, theirs = some_inputs(card, 5), some_inputs(card, 5)
    for step in range(12 if card.states else 1):
        said, meant = one(mine), other(theirs)
        for name in said:
            np.testing.assert_allclose(meant[name], said[name], atol=1e-4, err_msg=f"{name} at step {step}")
        token = some_inputs(card, 5, step + 1)[card.input.name]
        mine, theirs = (_following(card, token, outputs) for outputs in (said, meant))


def _following(card: Card, token: Array, outputs: Any) -> dict[str, Array]:
    """The inputs of the next step."""
    return {card.input.name: token, **{state.name: outputs[next_state_name(state.name)] for state in card.states}}


# ---- TensorFlow alone


def save(folder: Path, signature: Signature, function: Callable[[Any], Any], **files: str) -> Card:
    """A SavedModel of a function, with a card that says it has this signature."""
    import tensorflow as tf  # noqa: PLC0415  heavy

    module = tf.Module()
    takes = signature.input
    spec = tf.TensorSpec([None, *takes.shape[1:]], takes.dtype, takes.name)
    module.serve = tf.function(lambda given: {signature.output.name: function(given)})
    concrete = module.serve.get_concrete_function(given=spec)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
    for name, content in files.items():
        (folder / name).write_text(content)
    return card_in(folder, signature)


NUMBERS = Signature(Tensor("given", "float32", (-1, 1)), Tensor("seen", "float32", (-1, 1)))


def test_only_batches_of_few_sizes_are_run(tmp_path: Path):
    import tensorflow as tf  # noqa: PLC0415

    save(tmp_path / "n", NUMBERS, lambda given: tf.zeros_like(given) + tf.cast(tf.shape(given)[0], tf.float32))
    run = tensorflow(12).load(tmp_path / "n")
    sizes = {rows: run({"given": np.zeros((rows, 1), np.float32)})["seen"][:, 0].tolist() for rows in range(1, 14)}
    assert {seen for row in sizes.values() for seen in row} == {1, 2, 4, 8, 12}
    assert sizes[3] == [4, 4, 4]
    assert sizes[9] == [12] * 9
    assert sizes[13] == [12] * 12 + [1]


@pytest.mark.parametrize("way", ["tensorflow_savedmodel", "tensorflow_keras"])
@every_network
def test_after_loading_nothing_is_traced_any_more(run: Executable, card: Card):
    from tensorflow.python.eager import context  # noqa: PLC0415  the only place that knows every traced function

    traced = context.context().list_function_names()
    for rows in (*range(1, 2 * LARGEST), LARGEST, 1):
        run(some_inputs(card, rows))
    assert context.context().list_function_names() == traced


def test_what_fails_while_it_predicts_is_told_until_it_works_again(tmp_path: Path):
    import tensorflow as tf  # noqa: PLC0415

    save(tmp_path / "n", NUMBERS, lambda given: tf.debugging.assert_all_finite(given, "the device is gone"))
    runtime = tensorflow()
    run = runtime.load(tmp_path / "n")
    with pytest.raises(Unavailable, match="the device is gone"):
        run({"given": np.full((1, 1), np.nan, np.float32)})
    assert "the device is gone" in runtime.fault
    run({"given": np.ones((1, 1), np.float32)})
    assert runtime.fault is None


@pytest.mark.parametrize(
    "other",
    [
        Signature(Tensor("picture", "float32", (-1, 1)), NUMBERS.output),
        Signature(Tensor("given", "float64", (-1, 1)), NUMBERS.output),
        Signature(NUMBERS.input, Tensor("seen", "float32", (-1, 2))),
        Signature(NUMBERS.input, Tensor("probabilities", "float32", (-1, 1))),
    ],
    ids=["input", "type", "shape", "output"],
)
def test_a_network_with_another_signature_than_its_card_s_is_not_loaded(tmp_path: Path, other: Signature):
    save(tmp_path / "n", NUMBERS, lambda given: given + 1)
    tensorflow().load(tmp_path / "n")
    card_in(tmp_path / "n", other)
    with pytest.raises(Damaged, match="should be"):
        tensorflow().load(tmp_path / "n")


def test_a_version_that_has_nothing_for_tensorflow_says_so(made: Path, tmp_path: Path):
    shutil.copy(made / "picture" / "model.onnx", tmp_path)
    card_in(tmp_path, PICTURE)
    OnnxRuntime(1).load(tmp_path)
    with pytest.raises(Damaged, match="neither saved_model"):
        tensorflow().load(tmp_path)


def test_a_run_of_tensorflow_that_goes_on_for_too_long_makes_it_unready_until_it_ends(made: Path):
    from app.serving.runtimes.tensorflow import TensorflowRuntime  # noqa: PLC0415  heavy

    runtime = TensorflowRuntime(LARGEST, run_seconds=0.2)
    executable = runtime.load(made / "picture")
    inputs = some_inputs(read_card(made / "picture"), 1)
    runs, go_on = executable._function, threading.Event()

    def slow(**given: Any) -> Any:
        assert go_on.wait(60)
        return runs(**given)

    executable._function = slow
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(executable, inputs)
        until(lambda: runtime.fault, 30, "it is told")
        assert "goes on for more than" in str(runtime.fault)
        go_on.set()
        assert running.result(60)
    assert runtime.fault is None


def test_code_in_a_keras_file_is_not_run(tmp_path: Path):
    import keras  # noqa: PLC0415

    given = keras.Input((1,), name="given")
    keras.Model(given, keras.layers.Lambda(lambda value: value + 1)(given)).save(tmp_path / "model.keras")
    card_in(tmp_path, NUMBERS)
    with pytest.raises(Damaged, match="afe"):  # Keras says that it is unsafe
        tensorflow().load(tmp_path)


def test_a_version_of_both_kinds_runs_its_saved_model(made: Path, tmp_path: Path):
    copy = shutil.copytree(made / "picture", tmp_path / "copy")
    (copy / "model.keras").write_bytes(b"not read")
    assert SAVED_MODEL in checksums(copy)
    card = card_in(copy, PICTURE)
    assert tensorflow().load(copy)(some_inputs(card, 1))
    assert [tensor.name for tensor in inputs_of(card)] == ["image"]


# ---- only where there is a GPU


@pytest.mark.skipif(
    bool(why_no_gpu(ROOT, os.environ) or why_no_gpu_support()), reason="only TensorFlow on an NVIDIA GPU can show it"
)
def test_a_gpu_predicts_and_says_what_a_cpu_says(tmp_path: Path):
    picture = (STARTERS.parent / "docs" / "pictures" / "seven.png").read_bytes()
    said = []
    for runtime in ("auto", "onnxruntime"):
        with Service(store=tmp_path / runtime, starters=STARTERS, offline=True, runtime=runtime) as service:
            health = service.get("/health/ready")
            assert health["runtime"] == ("tensorflow" if runtime == "auto" else runtime), health["runtime_reason"]
            answer = service.client.post("/predict/cifar", files={"file": picture}).json()
            said.append([share for _, share in sorted(answer["probabilities"].items())])
    np.testing.assert_allclose(said[0], said[1], atol=1e-4)
