"""Batch-invariant steps: a row gets the same bits alone and in any batch, on every processor.

Matrix products of different sizes may add in different orders, so that their last bits differ. Which sizes agree
depends on processor, runtime and network; so this is tried when a version is loaded, and only sizes that agree are run.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from app.families.contract import Array
from app.families.generation import Generator

BLOCK = 32  # rows of the batch that all are padded to where a row alone has other bits than one in company
EXAMPLES = 4  # rows that are tried, each at every place of a batch
STRIDES = (1, 3, 1, 3)  # of the examples in each try, so that they have other neighbours


class InvariantStep:
    """Steps of a generator in batches of `sizes`: of more rows several, of fewer with blank rows added."""

    def __init__(self, generator: Generator, max_batch: int) -> None:
        self._generator = generator
        self.sizes = agreeing_sizes(generator, max_batch)

    def __call__(self, tokens: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Tokens (n,) int64 and states (n, ...) become logits (n, size) float32 and new states, row by row the same
        whatever n is."""
        most = self.sizes[-1]
        if len(tokens) <= most:
            return self._run(tokens, states)
        parts = [
            self._run(tokens[begin : begin + most], [state[begin : begin + most] for state in states])
            for begin in range(0, len(tokens), most)
        ]
        columns = zip(*((logits, *after) for logits, after in parts), strict=True)
        logits, *after = (np.concatenate(column) for column in columns)
        return logits, after

    def _run(self, tokens: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """One batch of the next size that agrees."""
        rows = len(tokens)
        missing = self.sizes[bisect_left(self.sizes, rows)] - rows
        if not missing:
            return self._generator.step(tokens, states)
        tokens = np.append(tokens, np.full(missing, self._generator.end, tokens.dtype))
        padding = self._generator.initial_state(missing)
        states = [np.concatenate(pair) for pair in zip(states, padding, strict=True)]
        logits, after = self._generator.step(tokens, states)
        return logits[:rows], [state[:rows] for state in after]


def agreeing_sizes(generator: Generator, max_batch: int) -> list[int]:
    """Sizes of batches, ascending, in which a row has the same bits at every place, whoever is beside it.

    The bits are those of a row alone, if all sizes up to BLOCK give these; else those of a batch of BLOCK rows; and if
    even its places differ, those of a row alone again. `max_batch` adds larger sizes, but never changes the bits.
    """
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, generator.size, EXAMPLES)
    states = [rng.uniform(-1, 1, state.shape).astype(state.dtype) for state in generator.initial_state(EXAMPLES)]
    found = {size: _outputs(generator, tokens, states, size) for size in _candidates(max_batch)}
    alone, block = ([size for size in found if found[size] == found[wanted] != []] for wanted in (1, BLOCK))
    return alone if BLOCK in alone else block or alone


def _candidates(max_batch: int) -> list[int]:
    """Every size up to 16, and from there on such that padding to the next costs an eighth at most."""
    sizes, most = [1], max(max_batch, BLOCK)
    while sizes[-1] < most:
        sizes.append(min(most, sizes[-1] + max(1, sizes[-1] // 8)))
    return sorted({*sizes, BLOCK})


def _outputs(generator: Generator, tokens: Array, states: Sequence[Array], size: int) -> list[bytes]:
    """All that a batch of this size gives each row; nothing where that depends on its place or its neighbours."""
    known: dict[int, bytes] = {}
    for shift, stride in enumerate(STRIDES):
        rows = (np.arange(size) * stride + shift) % EXAMPLES
        logits, after = generator.step(tokens[rows], [state[rows] for state in states])
        for position, row in enumerate(rows.tolist()):
            bits = b"".join(part[position].tobytes() for part in (logits, *after))
            if known.setdefault(row, bits) != bits:
                return []
    return [known[row] for row in range(EXAMPLES)]
