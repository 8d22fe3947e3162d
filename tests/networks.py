"""Small networks as versions in folders, and inputs for whatever a card describes."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.families.contract import Array, Features, Signature, Tensor
from app.serving.runtimes.signatures import inputs_of
from app.store.version import CARD, Card, FeaturesCard, TensorCard, checksums
from tests.fakes import tiny_card

PICTURE = Signature(Tensor("image", "float32", (-1, 6, 6, 1)), Tensor("probabilities", "float32", (-1, 4)))
FEATURED = replace(PICTURE, features=Features("features", "float32", (-1, 12), ("edges", "corners")))
STATES = (Tensor("hidden_1", "float32", (-1, 5)), Tensor("memory_1", "float32", (-1, 5)))
TEXT = Signature(Tensor("token", "int64", (-1,)), Tensor("logits", "float32", (-1, 9)), STATES)


def some_inputs(card: Card, rows: int, seed: int = 0) -> dict[str, Array]:
    """Rows of what a card's network takes: tokens of any vocabulary, else numbers in 0..1."""
    rng = np.random.default_rng(seed)
    return {
        tensor.name: rng.integers(0, 9, rows)
        if tensor.dtype == "int64"
        else rng.random((rows, *tensor.shape[1:]), np.float32)
        for tensor in inputs_of(card)
    }


def card_in(folder: Path, signature: Signature) -> Card:
    """Write the card of what lies in the folder."""
    tensors = [TensorCard(name=one.name, dtype=one.dtype, shape=one.shape) for one in signature.inputs]
    output = TensorCard(name=signature.output.name, dtype=signature.output.dtype, shape=signature.output.shape)
    described: dict[str, Any] = {
        "input": tensors[0],
        "output": output,
        "states": tuple(tensors[1:]),
        "files": checksums(folder),
    }
    if signature.features:
        described["features"] = FeaturesCard(**asdict(signature.features))
    card = tiny_card().model_copy(update=described)
    (folder / CARD).write_text(card.model_dump_json())
    return card


def export_small(folder: Path, signature: Signature) -> Card:
    """A network of random weights in every format, with its card; the text's is an LSTM that steps."""
    import keras  # noqa: PLC0415  heavy

    from app.training.export import export  # noqa: PLC0415

    keras.utils.set_random_seed(1)
    if not signature.states:
        picture = keras.Input(signature.input.shape[1:], name=signature.input.name)
        values = keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 3, activation="relu", name="edges")(picture))
        values = keras.layers.Conv2D(4, 2, activation="relu", name="corners")(values)
        flat = keras.layers.Dropout(0.5)(keras.layers.Flatten()(values))
        network = keras.Model(picture, keras.layers.Dense(signature.output.shape[1], activation="softmax")(flat))
    else:
        token = keras.Input((), dtype="int64", name=signature.input.name)
        states = [keras.Input(state.shape[1:], name=state.name) for state in signature.states]
        read, after = keras.layers.LSTMCell(5)(keras.layers.Embedding(9, 5)(token), states)
        network = keras.Model([token, *states], [keras.layers.Dense(9)(read), *after])
    folder.mkdir(parents=True)
    export(network, folder, signature, ["savedmodel"])
    return card_in(folder, signature)
