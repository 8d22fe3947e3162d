"""TensorFlow, for a GPU: a version's network as a function that is traced once, over batches of few sizes.

Whoever imports this waits for TensorFlow; `runtimes.py` does so where it is wanted.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from app.errors import Damaged, Unavailable
from app.families.contract import Array, Features
from app.families.features import with_features
from app.serving.runtimes.signatures import inputs_of, outputs_of
from app.store.version import KERAS, SAVED_MODEL, Card, TensorCard, read_card
from app.watchdog import Watchdog

SIGNATURE, WITH_FEATURES = "serving_default", "serving_features"
ERROR_NOISE = (
    "Graph execution error",
    "Detected at node",
    "<stack traces",
    " ",
    "\t",
)  # what TensorFlow says before a reason
RUN_SECONDS = 10.0
LONGEST = 300  # characters of one
SIDE = 16  # of the matrices that a GPU multiplies to show that it works


def prepare(threads: int, memory_mb: int) -> list[str]:
    """Set TensorFlow up for serving, before anything else in this process runs on it; returns the GPUs that work.

    Of each GPU at most `memory_mb` are taken, or with 0 what is needed, little by little, so that a trainer has room
    beside. Raises Unavailable when a GPU is there that does not work.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.experimental.enable_tensor_float_32_execution(False)  # its products have 10 bits; cards say float32
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        if memory_mb:
            cap = tf.config.LogicalDeviceConfiguration(memory_limit=memory_mb)
            tf.config.set_logical_device_configuration(gpu, [cap])
        else:
            tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        _multiply_on_each()
    return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]


def _multiply_on_each() -> None:
    try:
        for gpu in tf.config.list_logical_devices("GPU"):
            with tf.device(gpu.name):
                tf.linalg.matmul(tf.ones((SIDE, SIDE)), tf.ones((SIDE, SIDE))).numpy()
    except (tf.errors.OpError, RuntimeError) as fault:
        raise Unavailable(f"TensorFlow finds a GPU and cannot use it: {_first_reason(fault)}") from fault


class TensorflowExecutable:
    """One traced function, called with batches of 1, 2, 4 … and the largest, so that a GPU plans each size once.

    `keep_alive` is what the function needs and does not hold itself; `on_fault` is told what failed, or None after a
    success. Nothing can stop a run of TensorFlow: of one that takes too long `on_fault` is told, so that the service is
    not ready.
    """

    def __init__(
        self,
        function: Any,
        keep_alive: Any,
        card: Card,
        largest: int,
        on_fault: Callable[[str | None], None],
        watchdog: Watchdog,
    ) -> None:
        self._function = function
        self._watchdog = watchdog
        self._overrun = f"a run of version {card.version} of {card.model} goes on for more than {watchdog.seconds:g} s"
        self._keep_alive = keep_alive
        self._inputs = [tensor.name for tensor in inputs_of(card)]
        self._outputs = [tensor.name for tensor in _all_outputs(card)]
        self._batch_sizes = batch_sizes(largest)
        self._on_fault = on_fault

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Named arrays (n, ...) in, named arrays (n, ...) out, in batches of the largest size at most."""
        rows, largest = len(inputs[self._inputs[0]]), self._batch_sizes[-1]
        parts = [
            self._run({name: inputs[name][begin : begin + largest] for name in self._inputs})
            for begin in range(0, max(rows, 1), largest)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in self._outputs}

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One batch, with rows of zeros up to the next bucket."""
        rows = len(inputs[self._inputs[0]])
        batch_size = next(size for size in self._batch_sizes if size >= rows)
        given = {name: tf.constant(_padded(array, batch_size)) for name, array in inputs.items()}
        run = self._watchdog.begin(lambda: self._on_fault(self._overrun))
        try:
            answers = self._function(**given)
            outputs = {name: answers[name].numpy()[:rows] for name in self._outputs}  # where a GPU's faults show
        except tf.errors.OpError as fault:
            self._on_fault(_first_reason(fault))
            raise Unavailable(f"TensorFlow does not predict now: {_first_reason(fault)}") from fault
        finally:
            self._watchdog.end(run)
        self._on_fault(None)
        return outputs


def batch_sizes(largest: int) -> list[int]:
    """1, 2, 4 … and the largest: the sizes of batches that are run."""
    return [*(2**power for power in range((largest - 1).bit_length())), largest]


def _padded(array: Array, rows: int) -> Array:
    if len(array) == rows:
        return array
    padded = np.zeros((rows, *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return padded


class TensorflowRuntime:
    """Runs a version's SavedModel, or where it has none its Keras file, read in safe mode: nothing in it is code."""

    name = "tensorflow"

    def __init__(self, largest: int, run_seconds: float = RUN_SECONDS) -> None:
        self._watchdog = Watchdog(run_seconds)
        self.fault: str | None = None
        self._largest = largest
        self._lock = threading.Lock()  # Keras builds networks in one thread at a time

    def platform(self, card: Card) -> str:
        """The SavedModel where there is one."""
        return "tensorflow_savedmodel" if SAVED_MODEL in card.files else "tensorflow_keras"

    def load(self, folder: Path) -> TensorflowExecutable:
        """The traced function of the version in the folder, which its card describes; raises Damaged."""
        card = read_card(folder)
        read = _saved_model if SAVED_MODEL in card.files else _keras_file
        try:
            with self._lock:
                function, keep_alive = read(folder, card)
            _check(function, card)
        except Damaged:
            raise
        except Exception as fault:  # TensorFlow and Keras raise whatever went wrong underneath
            raise Damaged(f"{folder} cannot be loaded by TensorFlow: {_first_reason(fault)}") from fault
        return TensorflowExecutable(function, keep_alive, card, self._largest, self._on_fault, self._watchdog)

    def _on_fault(self, fault: str | None) -> None:
        self.fault = fault


def _all_outputs(card: Card) -> list[TensorCard]:
    """All that a network gives, the features included."""
    return [*outputs_of(card), *([card.features] if card.features else [])]


def _saved_model(folder: Path, card: Card) -> tuple[Any, Any]:
    loaded = tf.saved_model.load(str(folder))
    return loaded.signatures[WITH_FEATURES if card.features else SIGNATURE], loaded


def _keras_file(folder: Path, card: Card) -> tuple[Any, Any]:
    if KERAS not in card.files:
        raise Damaged(f"version {card.version} of {card.model} has neither {SAVED_MODEL} nor {KERAS} for TensorFlow")
    network = keras.saving.load_model(folder / KERAS, compile=False, safe_mode=True)
    if card.features:
        network = with_features(network, Features(**card.features.model_dump()))
    takes, gives = inputs_of(card), _all_outputs(card)

    def run(**given: Any) -> dict[str, Any]:
        inputs = [given[tensor.name] for tensor in takes]
        outputs = network(inputs if card.states else inputs[0], training=False)
        return dict(zip([tensor.name for tensor in gives], tf.nest.flatten(outputs), strict=True))

    specs = {tensor.name: tf.TensorSpec(_shape(tensor), tensor.dtype, tensor.name) for tensor in takes}
    return tf.function(run).get_concrete_function(**specs), network


def _check(function: Any, card: Card) -> None:
    """Raise Damaged unless a function takes and gives what the card says."""
    found = {**function.structured_input_signature[1], **function.structured_outputs}
    for tensor in (*inputs_of(card), *_all_outputs(card)):
        spec = found.get(tensor.name)
        if spec is None or spec.dtype.name != tensor.dtype or not spec.shape.is_compatible_with(_shape(tensor)):
            raise Damaged(
                f"{tensor.name} of version {card.version} of {card.model} should be {tensor.dtype} "
                f"{list(tensor.shape)}; its network has {spec}"
            )


def _shape(tensor: TensorCard) -> list[int | None]:
    return [None if side == -1 else side for side in tensor.shape]


def _first_reason(fault: Exception) -> str:
    """What went wrong in one line, without the graph around it."""
    line = next((line for line in str(fault).splitlines() if line and not line.startswith(ERROR_NOISE)), "")
    return f"{type(fault).__name__}: {line[:LONGEST]}"
