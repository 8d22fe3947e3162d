"""Choosing a token: what each wish allows, and how often."""

import numpy as np
import pytest

from app.serving.sampling import Sampling, choose, most_likely, softmax

LOGITS = np.array([1.0, 3.0, 2.0, -1.0, 0.5], np.float32)


def drawn(wish: Sampling, times: int = 2000, seen: tuple[int, ...] = ()) -> np.ndarray:
    """How often each token comes, as shares."""
    draw = np.random.default_rng(0)
    return np.bincount([choose(LOGITS, wish, seen, draw) for _ in range(times)], minlength=len(LOGITS)) / times


def test_at_temperature_0_the_likeliest_is_taken():
    assert drawn(Sampling(), 10)[1] == 1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tokens_come_as_often_as_their_probability_at_the_temperature(temperature: float):
    assert drawn(Sampling(temperature)) == pytest.approx(softmax(LOGITS / temperature), abs=0.04)


def test_top_k_leaves_only_the_likeliest():
    assert np.flatnonzero(drawn(Sampling(2.0, top_k=2))).tolist() == [1, 2]
    assert drawn(Sampling(2.0, top_k=1), 10)[1] == 1


def test_top_p_leaves_the_fewest_that_reach_it():
    shares = softmax(LOGITS)
    assert np.flatnonzero(drawn(Sampling(1.0, top_p=float(shares[1]) - 0.01))).tolist() == [1]
    assert np.flatnonzero(drawn(Sampling(1.0, top_p=float(shares[1]) + 0.01))).tolist() == [1, 2]
    assert (drawn(Sampling(1.0, top_p=1.0)) > 0).all()


def test_a_penalty_makes_what_was_there_less_likely_whatever_its_sign():
    plain, penalised = drawn(Sampling(1.0)), drawn(Sampling(1.0, repetition_penalty=2.0), seen=(1, 3))
    assert penalised[1] < plain[1]
    assert penalised[3] <= plain[3]
    assert drawn(Sampling(repetition_penalty=2.0), 5, seen=(1,))[2] == 1


def test_what_is_forbidden_never_comes():
    logits = np.array([-np.inf, 0.0, -np.inf, -50.0], np.float32)
    draw = np.random.default_rng(0)
    assert {choose(logits, Sampling(100.0, top_p=1.0), (), draw) for _ in range(200)} == {1, 3}


def test_the_likeliest_are_told_in_order():
    ranked = most_likely(LOGITS, 3)
    assert [token for token, _ in ranked] == [1, 2, 0]
    assert ranked[0][1] == pytest.approx(softmax(LOGITS)[1], abs=1e-6)
