"""The yardstick: a proper distribution, better than chance on what it has seen."""

import numpy as np
import pytest

from app.families.text.ngrams import KneserNey

SIZE = 7


def lines(seed: int, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, SIZE, rng.integers(1, 9)) for _ in range(count)]


@pytest.mark.parametrize("context", [[], [3], [3, 5], [6, 6, 1], [2, 2, 2, 2]])
def test_probabilities_of_all_next_tokens_add_up_to_one(context: list[int]):
    model = KneserNey(lines(0, 30), SIZE)
    store_fixture = len(context)
    nats = [model.nats([np.array([*context, token], np.int64)])[store_fixture] for token in range(1, SIZE)]
    end = model.nats([np.array(context, np.int64)])[store_fixture]
    assert np.exp(-np.array([*nats, end])).sum() == pytest.approx(1)


def test_what_was_seen_is_foretold_better_than_by_chance():
    seen = [np.array([1, 2, 3, 4])] * 10
    model = KneserNey(seen, SIZE)
    assert model.perplexity(seen) < 1.5
    assert model.perplexity([np.array([4, 3, 2, 1])]) > SIZE / 2


def test_a_word_seen_after_many_others_is_likelier_in_a_new_place_than_one_seen_after_one():
    """Kneser and Ney's point: `francisco` is frequent, but only ever after `san`."""
    san, francisco, cup = 1, 2, 3
    texts = [[san, francisco]] * 5 + [[4, cup], [5, cup], [san, cup], [6, cup]]
    model = KneserNey([np.array(text) for text in texts], 8)
    assert model.perplexity([np.array([7, cup])]) < model.perplexity([np.array([7, francisco])])
