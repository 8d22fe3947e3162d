"""A trained network as files: ONNX to serve, Keras to train on, and the proof that all say the same."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
import tensorflow as tf

from app.errors import FitserveError
from app.families.contract import Array, Network, Signature
from app.families.features import with_features
from app.jobs.job import Format
from app.store.version import KERAS, ONNX
from app.training import saved_model

TOLERANCE = 1e-4

Run: TypeAlias = Callable[[Sequence[Array]], list[Array]]  # inputs and outputs in the order of the signature


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


def export(network: Network, folder: Path, signature: Signature, formats: Sequence[Format] = ()) -> None:
    """Write model.onnx, model.keras and what else is wished for; first dimensions are free, names the signature's.

    From here on this process computes in float32 on a GPU too, which takes shorter numbers for its products otherwise.
    """
    tf.config.experimental.enable_tensor_float_32_execution(False)
    network.save(folder / KERAS)
    whole = with_features(network, signature.features)
    specs = [keras.InputSpec(shape=(None, *one.shape[1:]), dtype=one.dtype) for one in signature.inputs]
    whole.export(folder / ONNX, format="onnx", input_signature=[specs] if signature.states else specs, verbose=False)
    _name_tensors(folder / ONNX, signature)
    if "savedmodel" in formats:
        saved_model.write(whole, folder, signature)


def check(
    network: Network, folder: Path, signature: Signature, samples: Array, formats: Sequence[Format] = ()
) -> dict[str, float]:
    """The largest difference from Keras over the samples, by format; raises ExportMismatch above the tolerance."""
    trained = [np.asarray(one) for one in keras.tree.flatten(network.predict(samples, verbose=0))]
    exported = _load_exported(folder, signature, formats)
    return {name: _difference(name, run([samples]), trained) for name, run in exported.items()}


def check_steps(
    network: Network, folder: Path, signature: Signature, prompts: Array, formats: Sequence[Format] = ()
) -> dict[str, float]:
    """As `check`, for a network that carries states: over every step of the prompts (n, length)."""
    trained = _walk(lambda inputs: [np.asarray(one) for one in network(list(inputs))], signature, prompts)
    exported = _load_exported(folder, signature, formats)
    return {name: _difference(name, _walk(run, signature, prompts), trained) for name, run in exported.items()}


def _load_exported(folder: Path, signature: Signature, formats: Sequence[Format]) -> dict[str, Run]:
    """What was exported to be served, as it will be."""
    session = onnxruntime.InferenceSession(folder / ONNX, providers=["CPUExecutionProvider"])
    takes, gives = [one.name for one in signature.inputs], [one.name for one in signature.outputs]
    exported: dict[str, Run] = {"onnx": lambda inputs: session.run(gives, dict(zip(takes, inputs, strict=True)))}
    if "savedmodel" in formats:
        exported["savedmodel"] = saved_model.load_function(folder, signature)
    return exported


def _walk(run: Run, signature: Signature, prompts: Array) -> list[Array]:
    """All outputs over every step, with the states carried."""
    states = [np.zeros((len(prompts), *state.shape[1:]), state.dtype) for state in signature.states]
    given: list[Array] = []
    for tokens in prompts.T:
        outputs = run([tokens, *states])
        given += outputs
        states = outputs[1:]
    return given


def _difference(name: str, served: Sequence[Array], trained: Sequence[Array]) -> float:
    difference = max(float(np.abs(one - other).max()) for one, other in zip(served, trained, strict=True))
    if not difference <= TOLERANCE:  # also when it is not a number
        raise ExportMismatch(f"{name} and Keras differ by {difference:.2g}; at most {TOLERANCE:g} is allowed")
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
