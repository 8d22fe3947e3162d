"""Completions: several prompts continued side by side, token by token, up to stop texts, with log-probabilities."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeAlias

from app.errors import TooLarge, invalid_parameter
from app.serving.completion_prompt import CompletionPrompt
from app.serving.loading import LoadedGenerator
from app.serving.sampling import SamplingParameters
from app.serving.stop_texts import StopTexts
from app.serving.text_generation import expire_at
from app.serving.token_stream import TokenGeneration, TokenLogprob, TokenOptions
from app.store.version import Card

FinishReason: TypeAlias = Literal["stop", "length"]
SEEDS = 2**64


@dataclass(frozen=True)
class CompletionOptions:
    """How prompts are completed: `n` choices for each, the likeliest of `candidates`, of at most `max_tokens` tokens.

    `logprobs` is how many of the likeliest tokens are named in each place, None for no log-probabilities at all;
    `biases` are added to the logits of tokens, by their ids as texts; `stops` end a choice and are left out of it; with
    `echo` a choice begins with its prompt.
    """

    max_tokens: int = 16
    sampling: SamplingParameters = field(default_factory=SamplingParameters)
    n: int = 1
    candidates: int = 1
    logprobs: int | None = None
    biases: Mapping[str, float] = field(default_factory=dict)
    stops: Sequence[str] = ()
    echo: bool = False


class TokenEntry(NamedTuple):
    """A token: its name, its log-probability and the likeliest tokens' where there are any, and its offset in
    characters.
    """

    name: str
    logprob: float | None
    top: dict[str, float] | None
    offset: int


@dataclass(frozen=True, slots=True)
class ChoicePiece:
    """Some text of the choice of this index, the tokens that belong to it, and why the choice ended, if it did."""

    index: int
    text: str
    entries: Sequence[TokenEntry]
    finish_reason: FinishReason | None


class TokenUsage(NamedTuple):
    """Tokens of all prompts, and of all that was written for them, discarded candidates included."""

    prompt_tokens: int
    completion_tokens: int


class Completion:
    """Prompts under way at one loaded version, which is kept to the end.

    Raises InvalidRequest or Busy when it cannot begin. Where `deadline`, in seconds of the event loop's clock, passes
    first, `choices` and `pieces` raise TimedOut.
    """

    def __init__(
        self,
        loaded: LoadedGenerator,
        prompts: Sequence[str | Sequence[int]],
        options: CompletionOptions,
        deadline: float | None = None,
    ) -> None:
        self._options = options
        self.card: Card = loaded.card
        self._changed = asyncio.Event()
        biases = _by_token(options.biases, loaded.servable.size)
        all_token_options = [_token_options(options, number, biases) for number in range(options.candidates)]
        self._prompts = [CompletionPrompt(loaded.servable, prompt) for prompt in prompts]
        try:
            loaded.batcher.check_room(len(self._prompts) * len(all_token_options))
        except TooLarge as fault:
            raise invalid_parameter("n", str(fault)) from fault
        self._candidates = [
            [
                _Candidate(loaded, prompt, token_options, options, self._changed.set)
                for token_options in all_token_options
            ]
            for prompt in self._prompts
        ]
        if deadline is not None:
            for candidate in self._each():
                expire_at(deadline, candidate.generation.done)

    async def choices(self) -> list[ChoicePiece]:
        """Every choice when all have ended: for each prompt `n` of them, the likeliest where there are more."""
        try:
            await asyncio.gather(*(candidate.generation.done for candidate in self._each()))
        finally:
            self.cancel()
        chosen = [candidate for candidates in self._candidates for candidate in self._best(candidates)]
        return [
            _joined(index, [*candidate.pieces, candidate.last()], candidate.reason)
            for index, candidate in enumerate(chosen)
        ]

    async def pieces(self) -> AsyncIterator[list[ChoicePiece]]:
        """What is new of each choice, as it comes; the last piece of a choice says why it ended."""
        running = dict(enumerate(self._each()))
        while running:
            await self._changed.wait()
            await asyncio.sleep(0)  # a cheap step takes its turn meanwhile: fewer, larger pieces on the wire
            self._changed.clear()
            if arrived := self._arrived(running):
                yield arrived

    @property
    def usage(self) -> TokenUsage:
        """The tokens that were read and written until now."""
        asked = sum(len(prompt.prompt.client_tokens) for prompt in self._prompts)
        return TokenUsage(asked, sum(candidate.generation.taken for candidate in self._each()))

    def cancel(self) -> None:
        """Stop: nobody waits for it any more."""
        for candidate in self._each():
            done = candidate.generation.done
            if not done.cancel() and not done.cancelled():
                done.exception()  # if it failed, one of them has raised it

    def _arrived(self, running: dict[int, "_Candidate"]) -> list[ChoicePiece]:
        """What there is to send now; takes those that have ended out of `running`."""
        arrived = []
        for index, candidate in list(running.items()):
            pieces = list(candidate.pieces)
            candidate.pieces.clear()
            if candidate.generation.done.done():
                candidate.generation.done.result()
                arrived.append(_joined(index, [*pieces, candidate.last()], candidate.reason))
                del running[index]
            elif pieces:
                arrived.append(_joined(index, pieces, None))
        return arrived

    def _best(self, candidates: Sequence["_Candidate"]) -> Sequence["_Candidate"]:
        if len(candidates) == self._options.n:
            return candidates
        return sorted(candidates, key=lambda candidate: -candidate.likelihood)[: self._options.n]

    def _each(self) -> list["_Candidate"]:
        return [candidate for candidates in self._candidates for candidate in candidates]


class _Piece(NamedTuple):
    text: str
    entries: Sequence[TokenEntry]


class _Candidate:
    """One continuation, which begins at once: `pieces` grow, with a call of `wake` each time and at the end; then comes
    the `last`. A token belongs to the text that it begins; those behind a stop text are left out.
    """

    def __init__(
        self,
        loaded: LoadedGenerator,
        prompt: CompletionPrompt,
        token_options: TokenOptions,
        options: CompletionOptions,
        wake: Callable[[], None],
    ) -> None:
        self._generator = loaded.servable
        self._prompt = prompt
        self._echo, self._with_logprobs = options.echo, options.logprobs is not None
        self._detokenizer = prompt.detokenizer()
        self._stops = StopTexts(options.stops)
        self._certain = len(prompt.text)  # characters of prompt and continuation that are certain
        self._pending: deque[TokenEntry] = deque()
        self._wake = wake
        self.pieces: deque[_Piece] = deque()
        self.generation: TokenGeneration = loaded.batcher.begin(
            TokenGeneration(self._generator, prompt.prompt, token_options, self._on_token)
        )
        self.generation.done.add_done_callback(lambda _: wake())

    @property
    def reason(self) -> FinishReason:
        """Why it ended."""
        return "length" if self.generation.stopped == "length" else "stop"

    @property
    def likelihood(self) -> float:
        """The mean of its tokens' log-probabilities."""
        return self.generation.total_logprob / max(1, self.generation.taken)

    def last(self) -> _Piece:
        """What is left when it has ended, perhaps nothing."""
        text, entries = self._opening()
        return _Piece(text + self._stops.rest(), [*entries, *(() if self._stops.met else self._pending)])

    def _on_token(self, token: int, logprob: TokenLogprob | None) -> bool:
        text, entries = self._opening()
        offset = self._detokenizer.length
        if token != self._generator.end:
            more = self._stops.pass_on(self._detokenizer.add(token))
            self._certain += len(more)
            text += more
        if self._with_logprobs:
            self._pending.append(self._entry(token, logprob, offset))
            while self._pending and self._pending[0].offset < self._certain:
                entries.append(self._pending.popleft())
        if text or entries:
            self.pieces.append(_Piece(text, entries))
            self._wake()
        return self._stops.met

    def _opening(self) -> tuple[str, list[TokenEntry]]:
        """The prompt, where it is echoed and has not been yet."""
        if not self._echo:
            return "", []
        self._echo = False
        return self._prompt.text, self._prompt_entries() if self._with_logprobs else []

    def _prompt_entries(self) -> list[TokenEntry]:
        """The prompt's tokens. The first has no log-probability, as in OpenAI's interface, though it follows a line's
        end here.
        """
        client_tokens = self._prompt.prompt.client_tokens
        known = self.generation.prompt_logprobs
        scores = [None, *known[len(known) - len(client_tokens) + 1 :]] if client_tokens else []
        offsets = self._prompt.offsets()
        return [
            self._entry(token, logprob, offset)
            for token, logprob, offset in zip(client_tokens, scores, offsets, strict=True)
        ]

    def _entry(self, token: int, logprob: TokenLogprob | None, offset: int) -> TokenEntry:
        names = self._generator.token_names
        if logprob is None:
            return TokenEntry(names[token], None, None, offset)
        top = {names[other]: value for other, value in logprob.top_logprobs.items()}
        return TokenEntry(names[token], logprob.logprob, {**top, names[token]: logprob.logprob}, offset)


def _joined(index: int, pieces: Sequence[_Piece], reason: FinishReason | None) -> ChoicePiece:
    text = "".join(piece.text for piece in pieces)
    return ChoicePiece(index, text, [entry for piece in pieces for entry in piece.entries], reason)


def _token_options(options: CompletionOptions, number: int, biases: dict[int, float]) -> TokenOptions:
    """What the candidate of this number is written by: each has a seed of its own."""
    seed = options.sampling.seed
    sampling = replace(options.sampling, bias=biases, seed=None if seed is None else (seed + number) % SEEDS)
    return TokenOptions(
        options.max_tokens,
        sampling,
        with_logprobs=options.logprobs is not None or options.candidates > options.n,
        top_logprobs=options.logprobs or 0,
        with_prompt_logprobs=options.echo and options.logprobs is not None,
    )


def _by_token(biases: Mapping[str, float], size: int) -> dict[int, float]:
    """Biases by token; raises InvalidRequest for an id that is not below `size`."""
    for name in biases:
        if not (name.isascii() and name.isdigit() and len(name) < 10 and int(name) < size):
            raise invalid_parameter("logit_bias", f"{name[:20]!r} is no token: tokens are 0 to {size - 1}")
    return {int(name): value for name, value in biases.items()}
