"""Answers of classifiers: calibrated where the card has a temperature, and honest about strange pictures."""

import numpy as np
import pytest

from app.families.classification import at_temperature
from app.families.familiarity import write_familiarity
from app.store.version import FAMILIARITY, Calibration, FeaturesCard
from app.training.familiarity_fit import fit_familiarity
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


class Featured:
    """Gives every instance the same probabilities, and the instance as its features."""

    def __call__(self, inputs):
        return Even()(inputs) | {"features": np.tile(inputs["x"], (1, 3))}


@pytest.fixture
def by_features(tmp_path):
    """A version that knows features of about 1."""
    rng = np.random.default_rng(0)
    around = np.exp(rng.normal(0, 0.1, (400, 3))).astype(np.float32)
    sure = np.full(400, 0.8, np.float32)
    familiarity, least = fit_familiarity((around, np.zeros(400, np.int64)), around, sure, 0.05)
    write_familiarity(tmp_path / FAMILIARITY, familiarity)
    calibration = Calibration(
        temperature=1.0, fitted_on="validation", examples=400, familiar_from=least, measure="features"
    )
    features = FeaturesCard(name="features", dtype="float32", shape=(-1, 3), layers=("any",))
    card = tiny_card().model_copy(update={"calibration": calibration, "features": features})
    return TinyServable(card, Featured(), tmp_path)


def test_features_tell_what_is_familiar_from_what_is_not(by_features):
    outputs = by_features.predict([np.array([value], np.float32) for value in (1.0, 9.0, 0.0)])
    assert [by_features.answer(output, None).familiar for output in outputs] == [True, False, False]
    assert [by_features.answer(output, None).confidence for output in outputs] == [pytest.approx(0.8)] * 3


def test_features_are_no_part_of_the_outputs_that_protocols_show(by_features):
    outputs = np.stack(by_features.predict([by_features.example()] * 2))
    assert outputs.tolist() == [pytest.approx([0.2, 0.8])] * 2
    assert type(outputs) is np.ndarray


def test_an_answer_says_when_a_picture_is_unlike_what_is_known():
    assert answer(servable(familiar_from=0.79)).familiar is True
    assert answer(servable(familiar_from=0.81)).familiar is False
    assert answer(TinyServable(tiny_card(), Even())).familiar is None
