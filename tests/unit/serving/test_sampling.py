"""Choosing a token: what each wish allows, and how often."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.serving.sampling import (
    SamplingParameters,
    TokenHistory,
    choose_tokens,
    log_softmax,
    softmax,
    top_alternatives,
    top_tokens,
)

LOGITS = np.array([1.0, 3.0, 2.0, -1.0, 0.5], np.float32)


def drawn(parameters: SamplingParameters, times: int = 2000, history: tuple[int, ...] = ()) -> np.ndarray:
    """How often each token comes, as shares."""
    rows = np.repeat(LOGITS[np.newaxis], times, axis=0)
    tokens = choose_tokens(
        rows, [parameters] * times, [TokenHistory(list(history))] * times, [np.random.default_rng(0)] * times
    )
    return np.bincount(tokens, minlength=len(LOGITS)) / times


def test_at_temperature_0_the_likeliest_is_taken():
    assert drawn(SamplingParameters(), 10)[1] == 1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tokens_come_as_often_as_their_probability_at_the_temperature(temperature: float):
    assert drawn(SamplingParameters(temperature)) == pytest.approx(softmax(LOGITS / temperature), abs=0.04)


def test_top_k_leaves_only_the_likeliest():
    assert np.flatnonzero(drawn(SamplingParameters(2.0, top_k=2))).tolist() == [1, 2]
    assert drawn(SamplingParameters(2.0, top_k=1), 10)[1] == 1


def test_top_p_leaves_the_fewest_that_reach_it():
    shares = softmax(LOGITS)
    assert np.flatnonzero(drawn(SamplingParameters(1.0, top_p=float(shares[1]) - 0.01))).tolist() == [1]
    assert np.flatnonzero(drawn(SamplingParameters(1.0, top_p=float(shares[1]) + 0.01))).tolist() == [1, 2]
    assert (drawn(SamplingParameters(1.0, top_p=1.0)) > 0).all()


def test_a_penalty_makes_what_was_there_less_likely_whatever_its_sign():
    plain, penalised = (
        drawn(SamplingParameters(1.0)),
        drawn(SamplingParameters(1.0, repetition_penalty=2.0), history=(1, 3)),
    )
    assert penalised[1] < plain[1]
    assert penalised[3] <= plain[3]
    assert drawn(SamplingParameters(repetition_penalty=2.0), 5, history=(1,))[2] == 1


def test_what_is_forbidden_never_comes():
    logits = np.tile(np.array([-np.inf, 0.0, -np.inf, -50.0], np.float32), (200, 1))
    for parameters in (
        SamplingParameters(100.0),
        SamplingParameters(100.0, top_p=1.0),
        SamplingParameters(100.0, top_k=3),
    ):
        assert set(
            choose_tokens(logits, [parameters] * 200, [TokenHistory([])] * 200, [np.random.default_rng(0)] * 200)
        ) == {1, 3}


def test_a_row_chooses_the_same_whatever_stands_beside_it():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(40, 500)).astype(np.float32) * 3
    parameters = [
        SamplingParameters(
            0.5 + row / 20, top_k=row % 7 or None, top_p=(row % 5) / 5 or None, repetition_penalty=1 + row % 2
        )
        for row in range(40)
    ]
    seen = [TokenHistory(rng.integers(0, 500, row).tolist()) for row in range(40)]
    together = choose_tokens(logits, parameters, seen, [np.random.default_rng(row) for row in range(40)])
    for row in range(40):
        alone = choose_tokens(logits[row : row + 1], [parameters[row]], [seen[row]], [np.random.default_rng(row)])
        assert alone == together[row : row + 1]


def test_the_next_best_are_told_in_order():
    own, following = top_alternatives(LOGITS, 2)
    others = list(following)
    shares = softmax(LOGITS)
    assert own == pytest.approx(shares[2], abs=1e-6)
    assert [token for token, _ in others[:2]] == [1, 0]
    assert [share for _, share in others[:2]] == pytest.approx([shares[1], shares[0]], abs=1e-6)
    assert len(others) == 4


# ---- what completions ask for besides, against plain numpy

HISTORY = TokenHistory([4, 4, 2])
HISTORY.tokens += [1, 0, 1, 1]


def adjusted(parameters: SamplingParameters, logits: np.ndarray = LOGITS) -> np.ndarray:
    """The logits as the interfaces' documents have it, one token after the other."""
    values = logits.astype(np.float64)
    said = HISTORY.tokens[HISTORY.prompt_length :]
    for token in range(len(values)):
        if token in HISTORY.tokens:
            own, penalty = values[token], parameters.repetition_penalty
            values[token] = own / penalty if own > 0 else own * penalty
        times = said.count(token)
        values[token] -= parameters.frequency_penalty * times + parameters.presence_penalty * (times > 0)
        values[token] += parameters.bias.get(token, 0)
    return values


@pytest.mark.parametrize(
    "parameters",
    [
        SamplingParameters(1.0, frequency_penalty=0.7),
        SamplingParameters(1.0, frequency_penalty=-1.2, presence_penalty=0.4),
        SamplingParameters(1.0, presence_penalty=2.0),
        SamplingParameters(1.0, bias={3: 4.5, 1: -2.5}),
        SamplingParameters(0.7, repetition_penalty=1.4, frequency_penalty=0.3, presence_penalty=0.2, bias={2: 1.0}),
    ],
    ids=["frequency", "negative", "presence", "bias", "all"],
)
def test_penalties_and_biases_change_the_logits_as_documented(parameters: SamplingParameters):
    wanted = softmax(adjusted(parameters) / parameters.temperature)
    rows = np.repeat(LOGITS[np.newaxis], 4000, axis=0)
    tokens = choose_tokens(rows, [parameters] * 4000, [HISTORY] * 4000, [np.random.default_rng(1)] * 4000)
    assert np.bincount(tokens, minlength=len(LOGITS)) / 4000 == pytest.approx(wanted, abs=0.03)
    greedy = choose_tokens(
        LOGITS[np.newaxis], [replace(parameters, temperature=0)], [HISTORY], [np.random.default_rng(1)]
    )
    assert greedy == [adjusted(parameters).argmax()]
    assert not replace(parameters, temperature=0).is_greedy


def test_a_penalty_counts_what_was_said_and_not_what_was_asked():
    assert choose_tokens(
        LOGITS[np.newaxis], [SamplingParameters(presence_penalty=2)], [TokenHistory([1])], [np.random.default_rng(0)]
    ) == [1]
    assert choose_tokens(
        LOGITS[np.newaxis], [SamplingParameters(presence_penalty=2)], [HISTORY], [np.random.default_rng(0)]
    ) == [2]


def test_no_bias_brings_back_what_is_forbidden():
    logits = np.array([[-np.inf, 0.0, -1.0]], np.float32)
    assert choose_tokens(
        logits, [SamplingParameters(bias={0: 100.0})], [TokenHistory([])], [np.random.default_rng(0)]
    ) == [1]


def test_min_p_leaves_what_has_its_share_of_the_likeliest():
    shares = softmax(LOGITS)
    for min_p in (0.05, 0.2, 0.5, 1.0):
        allowed = np.flatnonzero(shares >= min_p * shares.max() * (1 - 1e-6))
        assert np.flatnonzero(drawn(SamplingParameters(1.0, min_p=min_p), 4000)).tolist() == allowed.tolist()
    assert np.flatnonzero(drawn(SamplingParameters(3.0, min_p=0.01, top_k=2))).tolist() == [1, 2]


@given(arrays(np.float32, st.integers(1, 50), elements=st.floats(-30, 30, width=32)), st.integers(0, 8))
def test_logarithms_and_the_likeliest_are_numpy_s_own(logits: np.ndarray, count: int):
    logs = log_softmax(logits)
    assert logs == pytest.approx(np.log(softmax(logits)), abs=1e-9)
    assert top_tokens(logs, count) == np.argsort(-logs, kind="stable")[:count].tolist()
