"""Writing: a continuation as tokens, each given when it is chosen, with how likely it was where that is wanted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from app.families.generation import Generator, Prompt
from app.serving.sampling import DECIMALS, Floats, Logits, SamplingParameters, log_softmax, top_tokens
from app.serving.sequence import TokenSequence

FinishReason: TypeAlias = Literal["end_of_line", "enough", "length"]


class TokenLogprob(NamedTuple):
    """The natural logarithm of a token's probability, and the likeliest tokens in its place with theirs, best first.

    All are the network's own: without temperature, penalties, biases, and what is never written.
    """

    logprob: float
    top_logprobs: dict[int, float]


@dataclass(frozen=True)
class TokenOptions:
    """At most how many tokens are wanted, and how they are chosen.

    `with_logprobs` tokens are given with their score and so many of the likeliest; with `with_prompt_logprobs` the
    prompt's, too.
    """

    max_tokens: int
    sampling: SamplingParameters = field(default_factory=SamplingParameters)
    with_logprobs: bool = False
    top_logprobs: int = 0
    with_prompt_logprobs: bool = False


OnToken: TypeAlias = Callable[[int, TokenLogprob | None], bool]


class TokenGeneration(TokenSequence):
    """A continuation as tokens: `on_token` gets each, the line's end too, and says whether it has heard enough.

    `prompt_scores` are those of the prompt's tokens but for its first; `total` sums the continuation's own logarithms.
    """

    stopped: FinishReason | None

    def __init__(self, generator: Generator, prompt: Prompt, options: TokenOptions, on_token: OnToken) -> None:
        super().__init__(prompt, options.sampling)
        self._end = generator.end
        self._options = options
        self._on_token = on_token
        self._logprobs: Floats | None = None
        self.prompt_logprobs: list[TokenLogprob] = []
        self.total_logprob = 0.0
        if options.with_prompt_logprobs and self.reads_prompt:
            self.on_logits = self._on_logits
        else:
            self._finish_prompt()

    def advance_prompt(self) -> None:
        """Make the prompt's next token the one to be read."""
        super().advance_prompt()
        if self._logprobs is not None:
            self.prompt_logprobs.append(self._token_logprob(self.token, self._logprobs))
        if not self.reads_prompt:
            self._finish_prompt()

    def take(self, token: int, logits: Logits) -> None:  # noqa: ARG002  as continuations have it
        """Go on with the token that was chosen; sets `stopped` when that was the last."""
        self._after_word = False
        self.taken += 1
        logprob = None
        if self._logprobs is not None:
            logprob = self._token_logprob(token, self._logprobs)
            self.total_logprob += logprob.logprob
        enough = self._on_token(token, logprob)
        if enough:
            self.stopped = "enough"
        elif token == self._end:
            self.stopped = "end_of_line"
        elif self.taken >= self._options.max_tokens:
            self.stopped = "length"
        else:
            self.history.tokens.append(token)
            self.token = token

    def _finish_prompt(self) -> None:
        self._logprobs = None
        self.on_logits = self._on_logits if self._options.with_logprobs else None
        if self._options.max_tokens == 0:
            self.stopped = "length"

    def _on_logits(self, logits: Logits) -> None:
        self._logprobs = log_softmax(logits)

    def _token_logprob(self, token: int, logprobs: Floats) -> TokenLogprob:
        best = top_tokens(logprobs, self._options.top_logprobs)
        return TokenLogprob(_rounded(logprobs[token]), {other: _rounded(logprobs[other]) for other in best})


def _rounded(logarithm: np.float64) -> float:
    return round(float(logarithm), DECIMALS) + 0.0  # never -0.0
