"""Answers of classifiers: calibrated where the card has a temperature, and honest about strange pictures."""

import numpy as np
import pytest

from app.families.classification import at_temperature
from app.store.version import Calibration
from tests.fakes import TinyServable, tiny_card


class Even:
    """Gives every instance the same probabilities."""

    def __call__(self, inputs):
        return {"y": np.tile(np.array([0.2, 0.8], np.float32), (len(inputs["x"]), 1))}


def servable(**calibration: float) -> TinyServable:
    facts = {"temperature": 1.0, "fitted_on": "validation", "examples": 9, "familiar_from": 0.5, **calibration}
    return TinyServable(tiny_card().model_copy(update={"calibration": Calibration(**facts)}), Even())


def answer(one: TinyServable):
    return one.answer(one.predict([one.example()])[0], None)


def test_a_temperature_changes_the_confidence_and_never_the_label():
    assert answer(servable(temperature=1)).confidence == pytest.approx(0.8)
    assert 0.5 < answer(servable(temperature=2)).confidence < 0.8
    assert answer(servable(temperature=0.5)).confidence > 0.9
    assert answer(servable(temperature=9)).label == "warm"


def test_temperature_one_changes_nothing():
    shares = np.random.default_rng(0).dirichlet(np.ones(10), 50).astype(np.float32)
    assert np.abs(at_temperature(shares, 1.0) - shares).max() < 1e-6
    assert np.isfinite(at_temperature(np.array([[1, 0]], np.float32), 0.1)).all()


def test_an_answer_says_when_a_picture_is_unlike_what_is_known():
    assert answer(servable(familiar_from=0.79)).familiar is True
    assert answer(servable(familiar_from=0.81)).familiar is False
    assert answer(TinyServable(tiny_card(), Even())).familiar is None
