"""What the compact network learns beside its data set: drawn from a seed, and counted as no digit where it is none."""

import numpy as np
import pytest

from app.families.digit.data import draw_sample
from app.families.digit.handwriting import write_digits
from app.families.digit.non_digits import draw_others


def test_the_same_seed_writes_the_same_digits_and_draws_the_same_things() -> None:
    digits = draw_sample().train
    for seed in (0, 7):
        assert np.array_equal(write_digits(40, seed)[0], write_digits(40, seed)[0])
        assert np.array_equal(draw_others(40, seed, digits), draw_others(40, seed, digits))
    assert not np.array_equal(write_digits(40, 0)[0], write_digits(40, 7)[0])
    assert draw_others(40, 0, digits).any(axis=(1, 2)).all()


def test_being_sure_of_no_digit_costs_and_being_unsure_does_not() -> None:
    fitting = pytest.importorskip("app.families.digit.optimizers")
    sure, unsure = np.eye(10, dtype=np.float32)[:1], np.full((1, 10), 0.1, np.float32)
    assert float(fitting.known_or_unsure([-1], unsure)[0]) == pytest.approx(0, abs=1e-5)
    assert float(fitting.known_or_unsure([-1], sure)[0]) > 1
    assert float(fitting.known_or_unsure([0], sure)[0]) == pytest.approx(0, abs=1e-5)
    accuracy = fitting.KnownAccuracy()
    accuracy.update_state(np.array([0, 3, -1]), np.repeat(sure, 3, axis=0))
    assert float(accuracy.result()) == pytest.approx(0.5)
