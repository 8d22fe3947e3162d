"""Choosing the next token: greedy at temperature 0, else drawn as temperature, top-k, top-p and repetition allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Logits: TypeAlias = NDArray[Any]  # (size,) float32 or float64; -inf is never chosen
DECIMALS = 6  # of a probability that is told


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


def choose(logits: Logits, wish: Sampling, seen: Sequence[int], draw: np.random.Generator) -> int:
    """One token; `seen` are those of the prompt and the continuation so far.

    All in float64 and from this row alone, so that neighbours in a batch change nothing.
    """
    logits = penalised(logits.astype(np.float64), seen, wish.repetition_penalty)
    if wish.temperature == 0:
        return int(logits.argmax())
    order = np.argsort(-logits, kind="stable")[: wish.top_k]
    shares = softmax(logits[order] / wish.temperature)
    if wish.top_p is not None:  # the fewest that reach the share together
        shares = shares[: int(np.searchsorted(shares.cumsum(), wish.top_p)) + 1]
    bounds = shares.cumsum()
    place = int(np.searchsorted(bounds, draw.random() * bounds[-1], side="right"))
    return int(order[min(place, len(shares) - 1)])


def penalised(logits: Logits, seen: Sequence[int], penalty: float) -> Logits:
    """The logits with those of tokens seen before made smaller (Keskar et al., "CTRL", 2019)."""
    if penalty == 1 or not seen:
        return logits
    ids = np.unique(np.asarray(seen, np.int64))
    own = logits[ids]
    logits[ids] = np.where(own > 0, own / penalty, own * penalty)
    return logits


def softmax(logits: Logits) -> NDArray[np.float64]:
    """Logits as probabilities (size,) float64."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def most_likely(logits: Logits, count: int) -> list[tuple[int, float]]:
    """The `count` most likely tokens with their probabilities, the likeliest first."""
    shares = softmax(logits)
    count = min(count, len(shares))
    top = np.argpartition(-shares, count - 1)[:count]
    ranked = top[np.argsort(-shares[top], kind="stable")]
    return [(int(token), round(float(shares[token]), DECIMALS)) for token in ranked]
