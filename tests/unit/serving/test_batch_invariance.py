"""Batch-invariant steps: whatever a processor does to the last bits, a row has the same alone and in company."""

from collections.abc import Callable

import numpy as np
import pytest

from app.families.contract import Array
from app.serving.batch_invariance import BLOCK, InvariantStep
from tests.fakes import OTHER_PRODUCTS, TinyGenerator

ROWS = 70
EVERY_SIZE = [*range(1, 17), 18, 20, 22, 24, 27, 30, 32]


def rows_of(generator: TinyGenerator) -> tuple[Array, list[Array]]:
    rng = np.random.default_rng(1)
    return rng.integers(0, generator.size, ROWS), [rng.normal(size=(ROWS, 8)).astype(np.float32)]


@pytest.mark.parametrize("max_batch", [1, 3, 32, 64])
@pytest.mark.parametrize("product", OTHER_PRODUCTS.values(), ids=list(OTHER_PRODUCTS))
def test_a_row_has_the_same_bits_alone_and_in_any_batch(max_batch: int, product: Callable[..., Array]):
    generator = TinyGenerator(product=product)
    alone = InvariantStep(generator, 8)
    step = InvariantStep(generator, max_batch)
    tokens, states = rows_of(generator)
    for begin, end in ((0, 1), (5, 7), (0, 31), (3, 36), (0, ROWS)):
        logits, after = step(tokens[begin:end], [states[0][begin:end]])
        for row in range(begin, end):
            wanted, state = alone(tokens[row : row + 1], [states[0][row : row + 1]])
            assert logits[row - begin].tobytes() == wanted[0].tobytes()
            assert after[0][row - begin].tobytes() == state[0][0].tobytes()


@pytest.mark.parametrize(
    ("product", "sizes"),
    [
        ("in batches other than of one row", EVERY_SIZE[1:]),
        ("by the size of the batch", [BLOCK]),
        ("by the place in the batch", [1]),
        ("by the neighbours", [1]),
    ],
)
def test_only_batches_that_agree_are_run(product: str, sizes: list[int]):
    generator = TinyGenerator(product=OTHER_PRODUCTS[product])
    step = InvariantStep(generator, 8)
    assert step.sizes == sizes
    generator.rows.clear()
    tokens, states = rows_of(generator)
    for rows in (1, 5, 33, ROWS):
        step(tokens[:rows], [states[0][:rows]])
    assert set(generator.rows) <= set(sizes)


def test_where_all_batches_agree_nothing_is_padded():
    generator = TinyGenerator()
    step = InvariantStep(generator, 40)
    assert step.sizes == [*EVERY_SIZE, 33, 37, 40]
    generator.rows.clear()
    tokens, states = rows_of(generator)
    step(tokens[:7], [states[0][:7]])
    step(tokens[:40], [states[0][:40]])
    assert generator.rows == [7, 40]
