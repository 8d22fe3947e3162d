"""Writing: a continuation as tokens, each given when it is chosen, with how likely it was where that is wanted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from app.families.generation import Generator, Prompt
from app.serving.sampling import DECIMALS, Floats, Logits, Sampling, likeliest, log_softmax
from app.serving.sequence import Continuation

End: TypeAlias = Literal["end_of_line", "enough", "length"]


class Score(NamedTuple):
    """The natural logarithm of a token's probability, and the likeliest tokens in its place with theirs, best first.

    All are the network's own: without temperature, penalties, biases, and what is never written.
    """

    own: float
    likeliest: dict[int, float]


@dataclass(frozen=True)
class Order:
    """At most how many tokens are wanted, and how they are chosen.

    `scored` tokens are given with their score and so many of the likeliest; with `prompt_scored` the prompt's, too.
    """

    most_tokens: int
    sampling: Sampling = field(default_factory=Sampling)
    scored: bool = False
    likeliest: int = 0
    prompt_scored: bool = False


Hear: TypeAlias = Callable[[int, Score | None], bool]


class Writing(Continuation):
    """A continuation as tokens: `hear` gets each, the line's end too, and says whether it has heard enough.

    `prompt_scores` are those of the prompt's tokens but for its first; `total` sums the continuation's own logarithms.
    """

    stopped: End | None

    def __init__(self, generator: Generator, prompt: Prompt, order: Order, hear: Hear) -> None:
        super().__init__(prompt, order.sampling)
        self._end = generator.end
        self._order = order
        self._hear = hear
        self._logs: Floats | None = None
        self.prompt_scores: list[Score] = []
        self.total = 0.0
        if order.prompt_scored and self.reads:
            self.weigh = self._weigh
        else:
            self._finish_prompt()

    def read_on(self) -> None:
        """Make the prompt's next token the one to be read."""
        super().read_on()
        if self._logs is not None:
            self.prompt_scores.append(self._score(self.token, self._logs))
        if not self.reads:
            self._finish_prompt()

    def take(self, token: int, logits: Logits) -> None:  # noqa: ARG002  as continuations have it
        """Go on with the token that was chosen; sets `stopped` when that was the last."""
        self._after_word = False
        self.taken += 1
        score = None
        if self._logs is not None:
            score = self._score(token, self._logs)
            self.total += score.own
        enough = self._hear(token, score)
        if enough:
            self.stopped = "enough"
        elif token == self._end:
            self.stopped = "end_of_line"
        elif self.taken >= self._order.most_tokens:
            self.stopped = "length"
        else:
            self.past.tokens.append(token)
            self.token = token

    def _finish_prompt(self) -> None:
        self._logs = None
        self.weigh = self._weigh if self._order.scored else None
        if self._order.most_tokens == 0:
            self.stopped = "length"

    def _weigh(self, logits: Logits) -> None:
        self._logs = log_softmax(logits)

    def _score(self, token: int, logs: Floats) -> Score:
        best = likeliest(logs, self._order.likeliest)
        return Score(_told(logs[token]), {other: _told(logs[other]) for other in best})


def _told(logarithm: np.float64) -> float:
    return round(float(logarithm), DECIMALS) + 0.0  # never -0.0
