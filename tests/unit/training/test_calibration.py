"""Temperatures and calibration errors, on probabilities whose truth is known."""

import numpy as np
import pytest

from app.families.classification import at_temperature
from app.training.calibration import expected_calibration_error, fit_temperature

pytestmark = pytest.mark.train

RNG = np.random.default_rng(0)
HONEST = RNG.dirichlet(np.full(10, 0.3), 20_000).astype(np.float32)
TRUTH = (HONEST.cumsum(axis=1) > RNG.random((len(HONEST), 1))).argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_undoes_an_overconfidence_is_found(temperature: float):
    distorted = at_temperature(HONEST, 1 / temperature)
    assert fit_temperature(distorted, TRUTH) == pytest.approx(temperature, rel=0.05)


def test_honest_probabilities_have_a_small_calibration_error_and_boastful_ones_a_large():
    assert expected_calibration_error(HONEST, TRUTH) < 0.01
    assert expected_calibration_error(at_temperature(HONEST, 0.2), TRUTH) > 0.1


def test_the_calibration_error_is_the_gap_weighted_by_examples():
    shares = np.array([[0.9, 0.1]] * 10, np.float32)
    assert expected_calibration_error(shares, np.array([0] * 5 + [1] * 5)) == pytest.approx(0.4)
