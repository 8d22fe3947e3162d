"""The network for text, in two forms that share their weights: rows of text to learn from, one step to write with."""

from typing import Any

import keras
import tensorflow as tf

from app.families.contract import Network
from app.families.text.vocabulary import END

CELLS = {"simple_rnn": keras.layers.SimpleRNNCell, "lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}
TOKEN, LOGITS = "token", "logits"


class RecurrentNetwork(keras.Model):  # type: ignore[misc]
    """Reads windows of `rows` rows, (rows, window) int32, and says for each place what comes next: (…, size) logits.

    The state is carried from window to window and cleared where a line begins.
    """

    def __init__(
        self, *, cell: str, size: int, embedding: int, units: int, layers: int, dropout: float, rows: int
    ) -> None:
        super().__init__(name="reader")
        self.rows = rows
        tied = embedding == units
        self.vectors = (keras.layers.ReversibleEmbedding if tied else keras.layers.Embedding)(
            size, embedding, embeddings_initializer=keras.initializers.RandomNormal(stddev=embedding**-0.5)
        )
        self.cells = [CELLS[cell](units, name=f"{cell}_{index + 1}") for index in range(layers)]
        self.dropout = keras.layers.Dropout(dropout)
        self.output_layer = None if tied else keras.layers.Dense(size, name="output")
        self._carried = [
            [
                self.add_weight(shape=(rows, width), initializer="zeros", trainable=False, name=f"state_{index}_{part}")
                for part, width in enumerate(_widths(one))
            ]
            for index, one in enumerate(self.cells)
        ]
        self(tf.zeros((rows, 1), tf.int32))

    def call(self, ids: Any, training: bool = False) -> Any:
        """Keras calls this."""
        values = self.dropout(self.vectors(ids), training=training)
        goes_on = tf.cast(tf.not_equal(ids, END), values.dtype)[..., tf.newaxis]
        for cell, carried in zip(self.cells, self._carried, strict=True):
            values = self.dropout(_read(cell, values, goes_on, carried, training), training=training)
        return self.logits(values)

    def logits(self, values: Any) -> Any:
        """What the last layer's output (…, units) says of the next token: (…, size)."""
        return self.vectors(values, reverse=True) if self.output_layer is None else self.output_layer(values)


def _widths(cell: Any) -> list[int]:
    """The sizes of a cell's state tensors."""
    return [int(size) for size in keras.tree.flatten(cell.state_size)]


def _read(cell: Any, values: Any, goes_on: Any, carried: list[Any], training: bool) -> Any:
    """One layer over a window (rows, window, …), from the carried state, which is left as it is at the end."""
    states = [tf.convert_to_tensor(state) for state in carried]
    outputs = []
    for value, same_line in zip(tf.unstack(values, axis=1), tf.unstack(goes_on, axis=1), strict=True):
        output, states = cell(value, [state * same_line for state in states], training=training)
        outputs.append(output)
    for variable, state in zip(carried, states, strict=True):
        variable.assign(state)
    return tf.stack(outputs, axis=1)


def step_model(network: RecurrentNetwork) -> Network:
    """One step as a network with the reader's weights: a token (n,) int64 and states become logits and new states."""
    token = keras.Input((), dtype="int64", name=TOKEN)
    inputs, outputs = [token], []
    values = network.vectors(token)
    for cell, layer in zip(network.cells, _state_names(network), strict=True):
        states = [keras.Input((width,), name=name) for name, width in zip(layer, _widths(cell), strict=True)]
        values, after = cell(values, states)
        inputs += states
        outputs += keras.tree.flatten(after)
    return keras.Model(inputs, [network.logits(values), *outputs], name="stepper")


def _state_names(network: RecurrentNetwork) -> list[list[str]]:
    """Names of the states: of each layer, `hidden` and, for LSTM, `memory`."""
    return [
        [f"{part}_{index + 1}" for part in ("hidden", "memory")[: len(_widths(cell))]]
        for index, cell in enumerate(network.cells)
    ]


def states_of(network: RecurrentNetwork) -> list[tuple[str, int]]:
    """Name and width of every state, in order."""
    return [
        state
        for cell, names in zip(network.cells, _state_names(network), strict=True)
        for state in zip(names, _widths(cell), strict=True)
    ]
