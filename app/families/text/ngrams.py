"""The yardstick: interpolated Kneser-Ney trigrams over the same tokens, which a network should beat.

Kneser and Ney, "Improved backing-off for m-gram language modeling", 1995;
discounts as Chen and Goodman (1999) estimate them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.families.text.vocabulary import END

Ids = NDArray[np.int64]

FALLBACK = 0.75


@dataclass(frozen=True)
class Counts:
    """Different n-grams as sorted `keys` with how often each was seen, and their totals by context."""

    keys: Ids
    seen: Ids
    contexts: Ids  # sorted
    totals: Ids  # of `seen`, by context
    kinds: Ids  # how many different n-grams, by context
    discount: float

    def probabilities(self, keys: Ids, contexts: Ids, lower: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of n-grams, `lower` being those of the shorter ones; without the context, these alone."""
        seen = _find(self.keys, self.seen, keys)
        totals, kinds = _find(self.contexts, self.totals, contexts), _find(self.contexts, self.kinds, contexts)
        known = np.maximum(totals, 1)
        own = np.maximum(seen - self.discount, 0) / known + self.discount * kinds / known * lower
        return np.where(totals > 0, own, lower)


class KneserNey:
    """Trigrams of lines of tokens below `size`, interpolated with bigrams, unigrams and the same chance for all."""

    def __init__(self, lines: Sequence[Ids], size: int) -> None:
        self._size = size
        triples, times = np.unique(self._keys(lines), return_counts=True)
        pairs, before = np.unique(triples % size**2, return_counts=True)  # after how many different tokens each came
        tokens, after = np.unique(pairs % size, return_counts=True)
        self._three = _counts(triples, times, size)
        self._two = _counts(pairs, before, size)
        self._one = _counts(tokens, after, size)

    def perplexity(self, lines: Sequence[Ids]) -> float:
        """The perplexity of each token of the lines, their ends included."""
        return float(np.exp(self.nats(lines).mean()))

    def nats(self, lines: Sequence[Ids]) -> NDArray[np.float64]:
        """The negative logarithm of the probability of each token, their ends included, line after line."""
        triples = self._keys(lines)
        pairs, tokens = triples % self._size**2, triples % self._size
        chance = np.full(len(triples), 1 / self._size)
        one = self._one.probabilities(tokens, tokens // self._size, chance)
        two = self._two.probabilities(pairs, pairs // self._size, one)
        three = self._three.probabilities(triples, triples // self._size, two)
        return -np.log(three)

    def _keys(self, lines: Sequence[Ids]) -> Ids:
        """Each token with the two before it as one number; before a line there are only ends."""
        streams = [np.concatenate([[END, END], line, [END]]) for line in lines]
        triples = [(line[:-2] * self._size + line[1:-1]) * self._size + line[2:] for line in streams]
        return np.concatenate(triples).astype(np.int64)


def _counts(keys: Ids, seen: Ids, size: int) -> Counts:
    contexts, inverse, kinds = np.unique(keys // size, return_inverse=True, return_counts=True)
    totals = np.bincount(inverse, weights=seen).astype(np.int64)
    once, twice = int((seen == 1).sum()), int((seen == 2).sum())
    discount = once / (once + 2 * twice) if once else FALLBACK  # too few n-grams for an estimate
    return Counts(keys, seen, contexts, totals, kinds, discount)


def _find(keys: Ids, values: Ids, wanted: Ids) -> Ids:
    """The values of the wanted keys; 0 for those that are not there."""
    offsets = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[offsets] == wanted, values[offsets], 0)
