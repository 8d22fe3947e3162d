"""Packing: every token is foretold once, from the beginning of its line."""

import numpy as np
import pytest

from app.families.text.corpus import cut, divide, pack
from app.families.text.vocabulary import END


def lines(count: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 1000, rng.integers(1, 30)) for _ in range(count)]


@pytest.mark.parametrize(("rows", "window"), [(1, 7), (4, 16), (8, 3)])
def test_reading_the_rows_window_by_window_gives_every_line_once(rows: int, window: int):
    texts = lines(40)
    packed = pack(texts, rows, window)
    assert packed.inputs.shape == packed.targets.shape == packed.weights.shape
    assert packed.inputs.shape[1] == window
    found = []
    for row in range(rows):
        inputs, targets, weights = (
            array[row::rows].reshape(-1) for array in (packed.inputs, packed.targets, packed.weights)
        )
        kept = weights == 1
        assert (np.diff(kept.astype(int)) <= 0).all(), "repetitions only at the end"
        inputs, targets = inputs[kept], targets[kept]
        begins = np.flatnonzero(inputs == END)
        for begin, end in zip(begins, [*begins[1:], len(inputs)], strict=True):
            assert targets[end - 1] == END
            assert (inputs[begin + 1 : end] == targets[begin : end - 1]).all()
            found.append(tuple(inputs[begin + 1 : end].tolist()))
    assert sorted(found) == sorted(tuple(text.tolist()) for text in texts)


def test_rows_are_nearly_equally_long():
    packed = pack(lines(400), 8, 16)
    assert packed.weights.mean() > 0.95


def test_long_lines_are_cut_and_nothing_is_lost():
    texts = [*lines(3), np.arange(1, 1001)]
    pieces = cut(texts, 64)
    assert max(map(len, pieces)) == 64
    assert np.concatenate(pieces).tolist() == np.concatenate(texts).tolist()


def test_the_same_lines_are_held_out_every_time():
    texts = lines(100)
    corpus = divide(texts, few=20)
    assert (len(corpus.train), len(corpus.validation), len(corpus.test)) == (90, 5, 5)
    assert {id(line) for part in (corpus.train, corpus.validation, corpus.test) for line in part} == set(map(id, texts))
    assert [id(line) for line in divide(texts, few=20).test] == [id(line) for line in corpus.test]


def test_of_few_lines_none_is_lost_to_learning():
    texts = lines(3)
    corpus = divide(texts, few=20)
    assert corpus.train is corpus.test is corpus.validation
