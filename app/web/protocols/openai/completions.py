"""POST /v1/completions: one or several texts are continued, whole or as a stream of chunks."""

import json
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from fastapi import Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event

from app.logging import log
from app.serving.completion import ChoicePiece, Completion, CompletionOptions, TokenEntry
from app.serving.inference import Target
from app.serving.sampling import SamplingParameters
from app.web.dependencies import context_of, services_of
from app.web.protocols.openai.errors import OpenAIRoute
from app.web.protocols.openai.request import CompletionRequest
from app.web.protocols.openai.responses import Choice, CompletionResponse, Logprobs, Usage


async def completions(request: Request, body: CompletionRequest) -> Response:
    """Continue one or several texts; with `stream`, token by token as server-sent events."""
    inference = services_of(request).inference
    completion = await inference.complete(Target(body.model), body.prompts, options_of(body), context_of(request))
    rendering = Rendering(completion, with_logprobs=body.logprobs is not None)
    if body.stream:
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        return EventSourceResponse(rendering.chunks(with_usage=with_usage))
    return Response((await rendering.whole()).model_dump_json(), media_type="application/json")


@dataclass(frozen=True)
class Rendering:
    """A completion in the interface's form."""

    completion: Completion
    with_logprobs: bool
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    async def whole(self) -> CompletionResponse:
        """The answer when every choice has ended."""
        return self.response(await self.completion.choices(), self.usage())

    async def chunks(self, *, with_usage: bool) -> AsyncGenerator[bytes, None]:
        """Server-sent events: chunks of each choice, the last of which says why it ended."""
        left_out = None if with_usage else {"usage"}
        try:
            async for pieces in self.completion.pieces():
                chunks = (self.response([piece]).model_dump_json(exclude=left_out) for piece in pieces)
                yield b"".join(format_sse_event(data_str=chunk) for chunk in chunks)
            if with_usage:
                yield format_sse_event(data_str=self.response([], self.usage()).model_dump_json())
            yield format_sse_event(data_str="[DONE]")
        except Exception as fault:
            log.error("a stream of tokens failed", exc_info=fault)
            error = OpenAIRoute.error_body("something went wrong here; the log of the service says what", 500)
            yield format_sse_event(data_str=json.dumps(error))
        finally:
            self.completion.cancel()

    def response(self, pieces: Sequence[ChoicePiece], usage: Usage | None = None) -> CompletionResponse:
        """Choices, or pieces of them, as the interface has them."""
        card = self.completion.card
        return CompletionResponse(
            id=self.id,
            created=self.created,
            model=card.model,
            choices=[self._choice(piece) for piece in pieces],
            usage=usage,
            system_fingerprint=f"{card.model}-{card.version}",
        )

    def usage(self) -> Usage:
        """The tokens that were read and written."""
        asked, written = self.completion.usage
        return Usage(prompt_tokens=asked, completion_tokens=written, total_tokens=asked + written)

    def _choice(self, piece: ChoicePiece) -> Choice:
        logprobs = _logprobs(piece.entries) if self.with_logprobs else None
        return Choice(text=piece.text, index=piece.index, logprobs=logprobs, finish_reason=piece.finish_reason)


def _logprobs(entries: Sequence[TokenEntry]) -> Logprobs:
    """Tokens as four lists of one length."""
    return Logprobs(
        tokens=[entry.name for entry in entries],
        token_logprobs=[entry.logprob for entry in entries],
        top_logprobs=[entry.top for entry in entries],
        text_offset=[entry.offset for entry in entries],
    )


def options_of(body: CompletionRequest) -> CompletionOptions:
    """How the request wants its prompts completed."""
    sampling = SamplingParameters(
        temperature=body.temperature if body.top_p > 0 else 0.0,  # within 0 is only the likeliest token
        top_k=body.top_k,
        top_p=body.top_p if 0 < body.top_p < 1 else None,
        min_p=body.min_p,
        repetition_penalty=body.repetition_penalty,
        frequency_penalty=body.frequency_penalty,
        presence_penalty=body.presence_penalty,
        seed=body.seed,
    )
    return CompletionOptions(
        max_tokens=body.max_tokens,
        sampling=sampling,
        n=body.n,
        candidates=body.candidates,
        logprobs=body.logprobs,
        biases=body.logit_bias,
        stops=body.stops,
        echo=body.echo,
    )
