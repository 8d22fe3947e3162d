"""Choosing the next tokens: greedy at temperature 0, else drawn; penalties and biases come before, limits after that.

All rows of a batch at once, yet each from itself alone: nothing is summed over rows, so that neighbours change nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Logits: TypeAlias = NDArray[Any]  # (size,) or (n, size) float32; -inf is never chosen

DECIMALS = 6  # of a probability that is told
MIN_TEMPERATURE = 1e-6  # a lower temperature draws no differently, and float32 ends somewhere


@dataclass(frozen=True)
class SamplingParameters:
    """How a request wants its tokens chosen.

    `repetition_penalty` above 1 makes what was there already less likely, prompt included. Of the continuation's own
    tokens, `frequency_penalty` is taken from a logit for each time, `presence_penalty` once. `bias` is added to the
    logits of tokens. `min_p` leaves those out that have less than this share of the likeliest one's probability.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    seed: int | None = None
    min_p: float = 0.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)

    @cached_property
    def changes_logits(self) -> bool:
        """Whether any logit changes before a token is chosen."""
        return self.repetition_penalty != 1 or self.counts_tokens or bool(self.bias)

    @cached_property
    def counts_tokens(self) -> bool:
        """Whether it matters how often a token was there."""
        return self.frequency_penalty != 0 or self.presence_penalty != 0

    @cached_property
    def truncates(self) -> bool:
        """Whether only some of the likeliest are chosen among."""
        return self.top_k is not None or self.top_p is not None or self.min_p > 0

    @cached_property
    def is_greedy(self) -> bool:
        """Whether the largest logit is simply taken."""
        return self.temperature == 0 and not self.changes_logits

    @cached_property
    def bias_arrays(self) -> tuple[NDArray[np.int64], Logits]:
        """The tokens of `bias`, and what is added to each."""
        return np.array([*self.bias], np.int64), np.array([*self.bias.values()], np.float32)


@dataclass
class TokenHistory:
    """The tokens of a text so far; those from `prompt_length` on are not of its prompt. Only `tokens` grows."""

    tokens: list[int]
    prompt_length: int = field(init=False)

    def __post_init__(self) -> None:
        self.prompt_length = len(self.tokens)


def choose_tokens(
    logits: Logits,
    samplings: Sequence[SamplingParameters],
    histories: Sequence[TokenHistory],
    rngs: Sequence[np.random.Generator],
) -> list[int]:
    """A token for each row of logits (n, size), drawn from the row's own generator, one number for each."""
    values = logits.astype(np.float32)
    for row, sampling in enumerate(samplings):
        if sampling.changes_logits:
            _adjust(values[row], sampling, histories[row])
    largest = values.max(axis=1, keepdims=True)
    temperatures = np.array([max(MIN_TEMPERATURE, sampling.temperature or 1.0) for sampling in samplings], np.float32)
    weights = (values - largest) / temperatures[:, np.newaxis]
    for row, sampling in enumerate(samplings):
        np.exp(weights[row], out=weights[row])  # row by row: the place in an array may decide over the last bit
        if sampling.truncates:
            _limit(weights[row], sampling)
    bounds = weights.astype(np.float64).cumsum(axis=1)
    targets = np.array([draw.random() for draw in rngs]) * bounds[:, -1]
    drawn = (bounds <= targets[:, np.newaxis]).sum(axis=1).clip(max=values.shape[1] - 1)
    greedy = values.argmax(axis=1)
    return [int(drawn[row] if sampling.temperature > 0 else greedy[row]) for row, sampling in enumerate(samplings)]


def _adjust(values: Logits, sampling: SamplingParameters, history: TokenHistory) -> None:
    """Change the logits (size,) of one row in place: first those of tokens seen before, then the biased ones."""
    if sampling.repetition_penalty != 1 and history.tokens:  # Keskar et al., "CTRL", 2019
        ids = np.unique(np.asarray(history.tokens, np.int64))
        own = values[ids]
        values[ids] = np.where(own > 0, own / sampling.repetition_penalty, own * sampling.repetition_penalty)
    if sampling.counts_tokens and len(history.tokens) > history.prompt_length:
        ids, times = np.unique(np.asarray(history.tokens[history.prompt_length :], np.int64), return_counts=True)
        values[ids] -= (sampling.frequency_penalty * times + sampling.presence_penalty).astype(np.float32)
    if sampling.bias:
        ids, added = sampling.bias_arrays
        values[ids] += added


def _limit(weights: Logits, sampling: SamplingParameters) -> None:
    """Leave only the `top_k` largest shares, of these the fewest that reach `top_p` of their sum, and of these those
    that have `min_p` of the largest, which is 1; in place."""
    kept = weights
    if sampling.top_k is not None and sampling.top_k < len(weights):
        kept = np.partition(weights, -sampling.top_k)[-sampling.top_k :]
    if sampling.top_p is None:
        smallest = kept.min()
    else:
        ranked = np.sort(kept)[::-1]
        sums = ranked.cumsum(dtype=np.float64)
        smallest = ranked[min(int(np.searchsorted(sums, sampling.top_p * sums[-1])), len(ranked) - 1)]
    weights[weights < max(smallest, sampling.min_p)] = 0


def softmax(logits: Logits) -> Floats:
    """Logits (size,) as probabilities."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    probabilities: Floats = powers / powers.sum()
    return probabilities


def log_softmax(logits: Logits) -> Floats:
    """Logits (size,) as natural logarithms of probabilities."""
    values = logits.astype(np.float64) - logits.max()
    logs: Floats = values - np.log(np.exp(values).sum())
    return logs


def top_tokens(logs: Floats, count: int) -> list[int]:
    """The tokens of the `count` largest values (size,), largest first; of equals the lower number first."""
    count = min(count, len(logs))
    if count == 0:
        return []
    found = np.flatnonzero(logs >= np.partition(logs, -count)[-count])
    ranked: list[int] = found[np.argsort(-logs[found], kind="stable")][:count].tolist()
    return ranked


def top_alternatives(logits: Logits, token: int) -> tuple[float, Iterator[tuple[int, float]]]:
    """The probability of a token, and all others that are possible with theirs, the likeliest first."""
    probabilities = softmax(logits)
    order = np.argsort(-probabilities, kind="stable").tolist()
    rounded = probabilities.round(DECIMALS).tolist()
    return rounded[token], ((other, rounded[other]) for other in order if other != token and probabilities[other] > 0)
