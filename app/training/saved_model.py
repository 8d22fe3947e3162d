"""A trained network as a SavedModel: what TensorFlow Serving loads, and Fitserve where it serves on a GPU."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from app.families.contract import Array, Network, Signature

SIGNATURE = "serving_default"  # what TensorFlow Serving takes when a request names none
WITH_FEATURES = "serving_features"


def write(network: Network, folder: Path, signature: Signature) -> None:
    """Put saved_model.pb and variables/ into the folder; names, types and free dimensions are the signature's.

    A second signature has the features, if there are any: a client of TensorFlow Serving gets probabilities alone.
    """
    outputs = [tensor.name for tensor in signature.outputs]

    def serve_all(*inputs: Any) -> dict[str, Any]:
        given = list(inputs) if signature.states else inputs[0]
        return dict(zip(outputs, tf.nest.flatten(network(given, training=False)), strict=True))

    def serve(*inputs: Any) -> dict[str, Any]:
        return {name: output for name, output in serve_all(*inputs).items() if name != features}

    features = signature.features and signature.features.name
    archive = keras.export.ExportArchive()
    archive.track(network)
    specs = [tf.TensorSpec((None, *one.shape[1:]), one.dtype, one.name) for one in signature.inputs]
    archive.add_endpoint("serve", serve, specs)
    if features:
        archive.add_endpoint(WITH_FEATURES, serve_all, specs)
    archive.write_out(folder, verbose=False)
    with suppress(OSError):
        (folder / "assets").rmdir()  # an empty folder is lost by whoever copies files, and missed by nobody


def load_function(folder: Path, signature: Signature) -> Callable[[Sequence[Array]], list[Array]]:
    """The SavedModel in a folder, loaded as anybody would: inputs and outputs in the signature's order."""
    loaded = tf.saved_model.load(str(folder))
    names = [tensor.name for tensor in signature.inputs]
    endpoint = loaded.signatures[WITH_FEATURES if signature.features else SIGNATURE]

    def run(inputs: Sequence[Array]) -> list[Array]:
        outputs = endpoint(**dict(zip(names, map(tf.constant, inputs), strict=True)))
        return [outputs[tensor.name].numpy() for tensor in signature.outputs]

    return run
