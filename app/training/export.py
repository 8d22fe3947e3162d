"""A trained network as files: ONNX to serve, Keras to train on, and the proof that both say the same."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnx.numpy_helper
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
    """Write model.onnx and model.keras; the first dimensions are free, the names are the signature's."""
    network.save(folder / KERAS)
    specs = [keras.InputSpec(shape=(None, *one.shape[1:]), dtype=one.dtype) for one in signature.inputs]
    network.export(folder / ONNX, format="onnx", input_signature=[specs] if signature.states else specs, verbose=False)
    _name_tensors(folder / ONNX, signature)


def check(network: Network, folder: Path, signature: Signature, samples: Array) -> float:
    """The largest difference between ONNX and Keras over the samples; raises ExportMismatch above the tolerance."""
    session = onnxruntime.InferenceSession(folder / ONNX, providers=["CPUExecutionProvider"])
    (served,) = session.run([signature.output.name], {signature.input.name: samples})
    trained = np.asarray(network.predict(samples, verbose=0))
    return _tolerable(float(np.abs(served - trained).max()))


def check_steps(network: Network, folder: Path, signature: Signature, prompts: Array) -> float:
    """As `check`, for a network that carries states: over every step of the prompts (n, length)."""
    session = onnxruntime.InferenceSession(folder / ONNX, providers=["CPUExecutionProvider"])
    names = [one.name for one in signature.inputs]
    blank = [np.zeros((len(prompts), *state.shape[1:]), state.dtype) for state in signature.states]
    served, trained, difference = blank, blank, 0.0
    for tokens in prompts.T:
        outputs = session.run([one.name for one in signature.outputs], dict(zip(names, [tokens, *served], strict=True)))
        expected = [np.asarray(one) for one in network([tokens, *trained])]
        pairs = zip(outputs, expected, strict=True)
        difference = max(difference, *(float(np.abs(one - other).max()) for one, other in pairs))
        served, trained = outputs[1:], expected[1:]
    return _tolerable(difference)


def _tolerable(difference: float) -> float:
    if not difference <= TOLERANCE:  # also when it is not a number
        raise ExportMismatch(f"ONNX and Keras differ by {difference:.2g}; at most {TOLERANCE:g} is allowed")
    return difference


def _name_tensors(path: Path, signature: Signature) -> None:
    """Give inputs and outputs the signature's names, and their first dimension the name `batch`."""
    model = onnx.load(path)
    _share_transposed(model.graph)
    wanted = [*signature.inputs, *signature.outputs]
    tensors = [*model.graph.input, *model.graph.output]
    names = {tensor.name: one.name for tensor, one in zip(tensors, wanted, strict=True)}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for tensor in tensors:
        tensor.name = names[tensor.name]
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _share_transposed(graph: onnx.GraphProto) -> None:
    """Multiply by a matrix that is there already the other way round, as a tied output's is, instead of by a copy."""
    matrices = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer if len(one.dims) == 2}
    for node in list(graph.node):
        factor = matrices.get(node.input[1]) if node.op_type == "MatMul" else None
        if factor is None:
            continue
        twin = next((name for name, other in matrices.items() if np.array_equal(other.T, factor)), None)
        if twin is None or twin == node.input[1]:
            continue
        place = list(graph.node).index(node)
        gemm = onnx.helper.make_node("Gemm", [node.input[0], twin], list(node.output), node.name, transB=1)
        graph.node.remove(node)
        graph.node.insert(place, gemm)
    used = {name for node in graph.node for name in node.input}
    for one in [one for one in graph.initializer if one.name not in used]:
        graph.initializer.remove(one)
