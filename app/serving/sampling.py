"""Choosing the next tokens: greedy at temperature 0, else drawn as temperature, top-k, top-p and repetition allow.

All rows of a batch at once, yet each from itself alone: nothing is summed over rows, so that neighbours change nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Logits: TypeAlias = NDArray[Any]  # (size,) or (n, size) float32; -inf is never chosen

DECIMALS = 6  # of a probability that is told
COLDEST = 1e-6  # a lower temperature draws no differently, and float32 ends somewhere


@dataclass(frozen=True)
class Sampling:
    """How a request wants its tokens chosen. `repetition_penalty` above 1 makes what was there already less likely."""

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    seed: int | None = None

    @property
    def plain(self) -> bool:
        """Whether the largest logit is simply taken."""
        return self.temperature == 0 and self.repetition_penalty == 1


def choose(
    logits: Logits,
    wishes: Sequence[Sampling],
    seen: Sequence[Sequence[int]],
    draws: Sequence[np.random.Generator],
) -> list[int]:
    """A token for each row of logits (n, size), drawn from the row's own generator, one number for each.

    `seen` are the tokens of each row's prompt and continuation so far.
    """
    values = logits.astype(np.float32)
    for row, wish in enumerate(wishes):
        if wish.repetition_penalty != 1 and seen[row]:
            _penalise(values[row], seen[row], wish.repetition_penalty)
    largest = values.max(axis=1, keepdims=True)
    temperatures = np.array([max(COLDEST, wish.temperature or 1.0) for wish in wishes], np.float32)
    shares = np.exp((values - largest) / temperatures[:, np.newaxis])
    for row, wish in enumerate(wishes):
        if wish.top_k is not None or wish.top_p is not None:
            _limit(shares[row], wish)
    bounds = shares.astype(np.float64).cumsum(axis=1)
    aims = np.array([draw.random() for draw in draws]) * bounds[:, -1]
    drawn = (bounds <= aims[:, np.newaxis]).sum(axis=1).clip(max=values.shape[1] - 1)
    greedy = values.argmax(axis=1)
    return [int(drawn[row] if wish.temperature > 0 else greedy[row]) for row, wish in enumerate(wishes)]


def _penalise(values: Logits, seen: Sequence[int], penalty: float) -> None:
    """Make the logits of tokens seen before smaller, in place (Keskar et al., "CTRL", 2019)."""
    ids = np.unique(np.asarray(seen, np.int64))
    own = values[ids]
    values[ids] = np.where(own > 0, own / penalty, own * penalty)


def _limit(shares: Logits, wish: Sampling) -> None:
    """Leave only the `top_k` largest shares, and of these the fewest that reach `top_p` of their sum, in place."""
    kept = shares
    if wish.top_k is not None and wish.top_k < len(shares):
        kept = np.partition(shares, -wish.top_k)[-wish.top_k :]
    if wish.top_p is None:
        smallest = kept.min()
    else:
        ranked = np.sort(kept)[::-1]
        sums = ranked.cumsum(dtype=np.float64)
        smallest = ranked[min(int(np.searchsorted(sums, wish.top_p * sums[-1])), len(ranked) - 1)]
    shares[shares < smallest] = 0


def softmax(logits: Logits) -> Floats:
    """Logits (size,) as probabilities."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    shares: Floats = powers / powers.sum()
    return shares


def runners_up(logits: Logits, token: int) -> tuple[float, Iterator[tuple[int, float]]]:
    """The probability of a token, and all others that are possible with theirs, the likeliest first."""
    shares = softmax(logits)
    order = np.argsort(-shares, kind="stable").tolist()
    told = shares.round(DECIMALS).tolist()
    return told[token], ((other, told[other]) for other in order if other != token and shares[other] > 0)
