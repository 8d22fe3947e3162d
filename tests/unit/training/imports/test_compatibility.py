"""A network from elsewhere stands beside a version when it takes and gives the same, and answers each by itself."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.errors import InvalidRequest
from app.families.catalog import family_named
from app.settings import STARTERS
from app.store.version import ONNX, read_card
from app.training.imports.compatibility import ImportTarget, try_out

FLOAT = TensorProto.FLOAT
TAKES: list[int | str] = ["n", 28, 28, 1]
GIVES: list[int | str | None] = ["n", 10]


def like(model: str) -> ImportTarget:
    folder = STARTERS / model / "1"
    card = read_card(folder)
    return ImportTarget(family_named(card.family), card, folder)


def network(
    path: Path,
    *,
    takes: Sequence[int | str] = TAKES,
    gives: Sequence[int | str | None] = GIVES,
    dtype: int = FLOAT,
    last: str = "Softmax",
    pool: bool = False,
    nodes: Sequence[onnx.NodeProto] | None = None,
) -> Path:
    """A tiny ONNX file: flat, one matrix, and a last operation; with `pool` the examples are mixed."""
    size = int(np.prod([side for side in takes[1:] if isinstance(side, int)]))
    width = int(gives[-1] or 10)
    weights = np.random.default_rng(0).normal(size=(size, width)).astype(np.float32)
    usual = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["product"]),
        helper.make_node("ReduceMean", ["product", "axes"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["product", "mean"], ["apart"]),
        helper.make_node(last, ["apart" if pool else "product"], ["y"]),
    ]
    graph = helper.make_graph(
        usual if nodes is None else nodes,
        "tiny",
        [helper.make_tensor_value_info("x", dtype, takes)],
        [helper.make_tensor_value_info("y", FLOAT, gives)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array([0]), "axes")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.write_bytes(made.SerializeToString())
    return path


@pytest.mark.parametrize("model", ["digit", "cifar", "rnn", "lstm", "gru"])
def test_every_version_can_stand_beside_itself(model: str):
    beside = like(model)
    assert try_out(beside.folder / ONNX, beside) == beside.signature


def test_the_names_of_a_single_input_and_output_are_free(tmp_path: Path):
    signature = try_out(network(tmp_path / "x", gives=["n", None]), like("digit"))
    assert (signature.input.name, signature.output.name, signature.output.shape) == ("x", "y", (-1, 10))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"takes": ["n", 28, 28]}, "takes float32"),
        ({"takes": ["n", 32, 32, 3]}, "takes float32"),
        ({"takes": [1, 28, 28, 1]}, "any number of examples"),
        ({"gives": ["n", 11]}, "gives float32"),
        ({"last": "Identity"}, "softmax"),
        ({"last": "Sigmoid"}, "softmax"),
        ({"last": "Log"}, "not finite"),
        ({"pool": True}, "depends on the others"),
        ({"nodes": [helper.make_node("Mine", ["x"], ["y"], domain="elsewhere")]}, r"expected a \.keras"),
        ({"dtype": TensorProto.DOUBLE, "nodes": [helper.make_node("Cast", ["x"], ["y"], to=FLOAT)]}, "takes float64"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(tmp_path: Path, facts: dict[str, object], reason: str):
    path = network(tmp_path / "x", **facts)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match=reason):
        try_out(path, like("digit"))


def test_a_network_never_reads_files_beside_its_own(tmp_path: Path):
    (tmp_path / "secret").write_bytes(np.ones((784, 10), np.float32).tobytes())
    home = tmp_path / "home"
    home.mkdir()
    model = onnx.load(network(home / "x"))
    for store_fixture in ("../secret", str(tmp_path / "secret")):
        (weights, *_) = model.graph.initializer
        weights.ClearField("raw_data")
        weights.ClearField("external_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=store_fixture)
        (home / "x").write_bytes(model.SerializeToString())
        with pytest.raises(InvalidRequest, match=r"expected a \.keras or an \.onnx file"):
            try_out(home / "x", like("digit"))


def test_a_network_that_wants_more_memory_than_there_is_is_refused(tmp_path: Path):
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Mul", ["shape", "shape"], ["large"]),
        helper.make_node("Mul", ["large", "large"], ["huge"]),
        helper.make_node("ConstantOfShape", ["huge"], ["filled"]),
        helper.make_node("Flatten", ["filled"], ["y"]),
    ]
    with pytest.raises(InvalidRequest):
        try_out(network(tmp_path / "x", nodes=nodes, gives=["n", None]), like("digit"))


def test_the_states_of_a_generator_go_by_their_names():
    with pytest.raises(InvalidRequest, match="expected"):
        try_out(STARTERS / "lstm" / "1" / ONNX, like("gru"))
