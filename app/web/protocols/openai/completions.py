"""One request under way: its choices are written side by side, then answered together or streamed as they come."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from app.errors import TooLarge
from app.logging import log
from app.serving.loading import Loaded
from app.serving.sampling import Sampling
from app.serving.token_stream import Order
from app.web.protocols.openai.choices import Choosing, Piece, told
from app.web.protocols.openai.errors import OpenAIRoute, unfit
from app.web.protocols.openai.prompts import Beginning
from app.web.protocols.openai.request import CompletionRequest
from app.web.protocols.openai.responses import Choice, Completion, Usage

SEEDS = 2**64


class Completing:
    """One request at one loaded version, which it keeps hold of to its end. Raises InvalidRequest or Busy."""

    def __init__(self, loaded: Loaded, body: CompletionRequest) -> None:
        self._body = body
        self._loaded = loaded
        self._id = f"cmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._news = asyncio.Event()
        bias = _bias(body, loaded.servable.size)
        orders = [_order(body, number, bias) for number in range(body.candidates)]
        self._beginnings = [Beginning(loaded.servable, prompt) for prompt in body.prompts]
        self._check_room(len(self._beginnings) * len(orders))
        self._choosings = [
            [Choosing(loaded, beginning, order, body, self._news.set) for order in orders]
            for beginning in self._beginnings
        ]

    async def whole(self) -> Completion:
        """The answer when every choice has ended: for each prompt all of them, or the best."""
        try:
            await asyncio.gather(*(choosing.writing.done for choosing in self._each()))
        finally:
            self._leave()
        chosen = [choosing for candidates in self._choosings for choosing in self._best(candidates)]
        choices = [
            self._choice(index, [*choosing.pieces, choosing.last()], choosing.reason)
            for index, choosing in enumerate(chosen)
        ]
        return self._completion(choices, self._usage())

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events: chunks of each choice, the last of which says why it ended."""
        options = self._body.stream_options
        with_usage = options is not None and options.include_usage
        left_out = None if with_usage else {"usage"}
        running = dict(enumerate(self._each()))
        try:
            while running:
                await self._news.wait()
                await asyncio.sleep(0)  # a cheap step takes its turn meanwhile: fewer, larger pieces on the wire
                self._news.clear()
                if choices := self._arrived(running):
                    chunks = (self._completion([choice]).model_dump_json(exclude=left_out) for choice in choices)
                    yield "".join(f"data: {chunk}\n\n" for chunk in chunks).encode()
            if with_usage:
                yield f"data: {self._completion([], self._usage()).model_dump_json()}\n\n".encode()
            yield b"data: [DONE]\n\n"
        except Exception as fault:
            log.error("a stream of tokens failed", exc_info=fault)
            error = OpenAIRoute.told("something went wrong here; the log of the service says what", 500)
            yield f"data: {json.dumps(error)}\n\n".encode()
        finally:
            self._leave()

    def _arrived(self, running: dict[int, Choosing]) -> list[Choice]:
        """What there is to send now; takes those that have ended out of `running`."""
        choices = []
        for index, choosing in list(running.items()):
            pieces = list(choosing.pieces)
            choosing.pieces.clear()
            if choosing.writing.done.done():
                choosing.writing.done.result()
                choices.append(self._choice(index, [*pieces, choosing.last()], choosing.reason))
                del running[index]
            elif pieces:
                choices.append(self._choice(index, pieces, None))
        return choices

    def _best(self, candidates: Sequence[Choosing]) -> Sequence[Choosing]:
        if len(candidates) == self._body.n:
            return candidates
        return sorted(candidates, key=lambda choosing: -choosing.likelihood)[: self._body.n]

    def _choice(self, index: int, pieces: Sequence[Piece], reason: Literal["stop", "length"] | None) -> Choice:
        text = "".join(piece.text for piece in pieces)
        entries = [entry for piece in pieces for entry in piece.entries]
        logprobs = None if self._body.logprobs is None else told(entries)
        return Choice(text=text, index=index, logprobs=logprobs, finish_reason=reason)

    def _check_room(self, texts: int) -> None:
        try:
            self._loaded.batcher.check_room(texts)
        except TooLarge as fault:
            raise unfit("n", str(fault)) from fault

    def _each(self) -> list[Choosing]:
        return [choosing for candidates in self._choosings for choosing in candidates]

    def _leave(self) -> None:
        """Who is not listened to any more is not written for."""
        for choosing in self._each():
            done = choosing.writing.done
            if not done.cancel() and not done.cancelled():
                done.exception()  # if it failed, one of them has told so

    def _usage(self) -> Usage:
        asked = sum(len(beginning.prompt.given) for beginning in self._beginnings)
        given = sum(choosing.writing.taken for choosing in self._each())
        return Usage(prompt_tokens=asked, completion_tokens=given, total_tokens=asked + given)

    def _completion(self, choices: list[Choice], usage: Usage | None = None) -> Completion:
        card = self._loaded.card
        return Completion(
            id=self._id,
            created=self._created,
            model=card.model,
            choices=choices,
            usage=usage,
            system_fingerprint=f"{card.model}-{card.version}",
        )


def _order(body: CompletionRequest, number: int, bias: dict[int, float]) -> Order:
    """What the choice of this number is written by."""
    sampling = Sampling(
        temperature=body.temperature if body.top_p > 0 else 0.0,  # nothing but the likeliest is within 0
        top_k=body.top_k,
        top_p=body.top_p if 0 < body.top_p < 1 else None,
        min_p=body.min_p,
        repetition_penalty=body.repetition_penalty,
        frequency_penalty=body.frequency_penalty,
        presence_penalty=body.presence_penalty,
        bias=bias,
        seed=None if body.seed is None else (body.seed + number) % SEEDS,
    )
    return Order(
        body.max_tokens,
        sampling,
        scored=body.logprobs is not None or body.candidates > body.n,
        likeliest=body.logprobs or 0,
        prompt_scored=body.echo and body.logprobs is not None,
    )


def _bias(body: CompletionRequest, size: int) -> dict[int, float]:
    """The biases by token; raises InvalidRequest when one is for no token of so many."""
    for name in body.logit_bias:
        if not (name.isascii() and name.isdigit() and len(name) < 10 and int(name) < size):
            raise unfit("logit_bias", f"{name[:20]!r} is no token: tokens are 0 to {size - 1}")
    return {int(name): value for name, value in body.logit_bias.items()}
