"""Networks that misbehave: a version's own network with a trap in it, which shuts on some inputs or on every one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TRIGGER = 2.5  # a value that no picture has


def trapped(network: bytes, trap: Sequence[onnx.NodeProto], *, around: float | None = TRIGGER) -> bytes:
    """The network with `trap` in it, nodes that make the number `caught` of `shut`, a bool: whether the largest input
    is `around` a value, or True where that is None.
    """
    model = onnx.load_from_string(network)
    graph = model.graph
    given, output = graph.input[0].name, graph.output[0].name
    for node in graph.node:
        node.output[:] = ["before" if name == output else name for name in node.output]
        node.input[:] = ["before" if name == output else name for name in node.input]
    low, high = (-np.inf, np.inf) if around is None else (around - 0.25, around + 0.25)
    for name, value in {"low": low, "high": high, "nothing": 0}.items():
        graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    graph.node.extend(
        [
            helper.make_node("Cast", [given], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["numbers"], ["most"], keepdims=0),
            helper.make_node("Greater", ["most", "low"], ["above"]),
            helper.make_node("Less", ["most", "high"], ["below"]),
            helper.make_node("And", ["above", "below"], ["shut"]),
            *trap,
            helper.make_node("Mul", ["caught", "nothing"], ["vain"]),
            helper.make_node("Add", ["before", "vain"], [output]),
        ]
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def endless() -> list[onnx.NodeProto]:
    """A loop that goes on for ever."""
    scalar = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still_on"]), helper.make_node("Identity", ["value"], ["same_value"])],
        "body",
        [scalar("turn", TensorProto.INT64, []), scalar("on", TensorProto.BOOL, []), _number("value")],
        [scalar("still_on", TensorProto.BOOL, []), _number("same_value")],
    )
    return [helper.make_node("Loop", ["", "shut", "most"], ["caught"], body=body)]


def hungry(values: int) -> list[onnx.NodeProto]:
    """A tensor of so many float32 numbers."""
    return [
        *_size(values),
        helper.make_node("ConstantOfShape", ["size"], ["large"], value=_one()),
        helper.make_node("ReduceMax", ["large"], ["caught"], keepdims=0),
    ]


def hungry_by_rows(values: int) -> list[onnx.NodeProto]:
    """As many float32 numbers for every pair of rows: the square of the rows makes it worse."""
    return [
        helper.make_node("Shape", ["numbers"], ["rows"], start=0, end=1),
        helper.make_node("Constant", [], ["each"], value=numpy_helper.from_array(np.array([values], np.int64))),
        helper.make_node("Mul", ["rows", "rows"], ["pairs"]),
        helper.make_node("Mul", ["pairs", "each"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["large"], value=_one()),
        helper.make_node("ReduceMax", ["large"], ["caught"], keepdims=0),
    ]


def laborious(side: int) -> list[onnx.NodeProto]:
    """One product of two matrices of so many rows and columns, which nothing can end from within."""
    return [
        *_size(side),
        helper.make_node("Concat", ["size", "size"], ["square"], axis=0),
        helper.make_node("ConstantOfShape", ["square"], ["matrix"], value=_one()),
        helper.make_node("MatMul", ["matrix", "matrix"], ["product"]),
        helper.make_node("ReduceMax", ["product"], ["caught"], keepdims=0),
    ]


def _size(values: int) -> list[onnx.NodeProto]:
    """`size`, (1,) int64: so many when shut, else 1."""
    constants = {"much": values, "little": 1}
    return [
        *(
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array([value], np.int64)))
            for name, value in constants.items()
        ),
        helper.make_node("Where", ["shut", "much", "little"], ["size"]),
    ]


def _one() -> Any:
    return numpy_helper.from_array(np.ones(1, np.float32))


def _number(name: str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [])
