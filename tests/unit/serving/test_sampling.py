"""Choosing a token: what each wish allows, and how often."""

import numpy as np
import pytest

from app.serving.sampling import Past, Sampling, choose, runners_up, softmax

LOGITS = np.array([1.0, 3.0, 2.0, -1.0, 0.5], np.float32)


def drawn(wish: Sampling, times: int = 2000, seen: tuple[int, ...] = ()) -> np.ndarray:
    """How often each token comes, as shares."""
    rows = np.repeat(LOGITS[np.newaxis], times, axis=0)
    tokens = choose(rows, [wish] * times, [Past(list(seen))] * times, [np.random.default_rng(0)] * times)
    return np.bincount(tokens, minlength=len(LOGITS)) / times


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
    logits = np.tile(np.array([-np.inf, 0.0, -np.inf, -50.0], np.float32), (200, 1))
    for wish in (Sampling(100.0), Sampling(100.0, top_p=1.0), Sampling(100.0, top_k=3)):
        assert set(choose(logits, [wish] * 200, [Past([])] * 200, [np.random.default_rng(0)] * 200)) == {1, 3}


def test_a_row_chooses_the_same_whatever_stands_beside_it():
    draw = np.random.default_rng(1)
    logits = draw.normal(size=(40, 500)).astype(np.float32) * 3
    wishes = [
        Sampling(0.5 + row / 20, top_k=row % 7 or None, top_p=(row % 5) / 5 or None, repetition_penalty=1 + row % 2)
        for row in range(40)
    ]
    seen = [Past(draw.integers(0, 500, row).tolist()) for row in range(40)]
    together = choose(logits, wishes, seen, [np.random.default_rng(row) for row in range(40)])
    for row in range(40):
        alone = choose(logits[row : row + 1], [wishes[row]], [seen[row]], [np.random.default_rng(row)])
        assert alone == together[row : row + 1]


def test_the_next_best_are_told_in_order():
    own, following = runners_up(LOGITS, 2)
    others = list(following)
    shares = softmax(LOGITS)
    assert own == pytest.approx(shares[2], abs=1e-6)
    assert [token for token, _ in others[:2]] == [1, 0]
    assert [share for _, share in others[:2]] == pytest.approx([shares[1], shares[0]], abs=1e-6)
    assert len(others) == 4
