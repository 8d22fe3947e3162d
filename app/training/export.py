"""A trained network as files: ONNX to serve, Keras to train on, and the proof that both say the same."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime

from app.errors import FitserveError
from app.families.contract import Array, Network, Signature
from app.store.version import KERAS, ONNX

TOLERANCE = 1e-4


class ExportMismatch(FitserveError):
    """The exported network does not compute what the trained one does."""


def as_served(network: Network) -> Network:
    """The network with the same weights in float32 throughout, without optimizer or anything that training added."""
    bare = type(network).from_config(_in_float32(network.get_config()))
    bare.set_weights(network.get_weights())
    return bare


def _in_float32(config: Any) -> Any:
    """A Keras configuration whose layers compute in float32, wherever they computed before."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float32"}}
        return {key: _in_float32(value) for key, value in config.items()}
    return [_in_float32(entry) for entry in config] if isinstance(config, list | tuple) else config


def export(network: Network, folder: Path, signature: Signature) -> None:
    """Write model.onnx and model.keras; the batch dimension is free, the names are the signature's."""
    network.save(folder / KERAS)
    spec = keras.InputSpec(shape=(None, *signature.input.shape[1:]), dtype=signature.input.dtype)
    network.export(folder / ONNX, format="onnx", input_signature=[spec], verbose=False)
    _name_tensors(folder / ONNX, signature)


def check(network: Network, folder: Path, signature: Signature, samples: Array) -> float:
    """The largest difference between ONNX and Keras over the samples; raises ExportMismatch above the tolerance."""
    session = onnxruntime.InferenceSession(folder / ONNX, providers=["CPUExecutionProvider"])
    (served,) = session.run([signature.output.name], {signature.input.name: samples})
    trained = np.asarray(network.predict(samples, verbose=0))
    difference = float(np.abs(served - trained).max())
    if not difference <= TOLERANCE:  # also when it is not a number
        raise ExportMismatch(f"ONNX and Keras differ by {difference:.2g}; at most {TOLERANCE:g} is allowed")
    return difference


def _name_tensors(path: Path, signature: Signature) -> None:
    """Give the only input and output the signature's names, and their batch dimension the name `batch`."""
    model = onnx.load(path)
    names = {
        model.graph.input[0].name: signature.input.name,
        model.graph.output[0].name: signature.output.name,
    }
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for tensor in (model.graph.input[0], model.graph.output[0]):
        tensor.name = names[tensor.name]
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(model)
    onnx.save(model, path)
