"""The completions of the OpenAI interface, with streaming and usage, and its list of models.

The shapes are those of the published OpenAPI document of that interface. A token is one of the model's own vocabulary;
a completion ends with the line, as the models learned lines.
"""

import asyncio
import json
import time
import unicodedata
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.bootstrap import Services
from app.errors import NotFound
from app.serving.loading import Loaded
from app.serving.sampling import Sampling
from app.serving.telling import Telling, Wish, Word
from app.telemetry import log
from app.web.numbers import WHOLE
from app.web.problems import EVENT
from app.web.protocols.route import ErrorRoute, described
from app.web.protocols.stops import Stops

MOST_PROMPTS = 32
MOST_TOKENS = 4096
Text = Annotated[str, StringConstraints(max_length=10_000)]
Stop = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class OpenAIRoute(ErrorRoute):
    """Errors as clients of this interface read them."""

    @staticmethod
    def told(message: str, status: int, name: str | None = None) -> dict[str, Any]:
        """The body of an error."""
        kind = {404: "not_found_error", 429: "rate_limit_error", 500: "server_error"}.get(
            status, "invalid_request_error"
        )
        code = {404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
        return {"error": {"message": message, "type": kind, "param": name, "code": code}}


router = APIRouter(
    prefix="/v1",
    tags=["OpenAI completions"],
    route_class=OpenAIRoute,
    responses=described({"error": {"type": "object", "required": ["message", "type", "param", "code"]}}),
)


class StreamOptions(BaseModel):
    """What a stream tells besides the text."""

    model_config = ConfigDict(strict=True)

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """What to continue, and how. What other services add is ignored; what cannot be done here is refused."""

    model_config = ConfigDict(strict=True)

    model: str = Field(max_length=64, examples=["lstm"])
    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_PROMPTS)] = Field(
        description="A beginning, or several; not tokens.", examples=["나는 오늘"]
    )
    max_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS), WHOLE] = Field(
        16, description="At most so many tokens for each choice."
    )
    temperature: float = Field(1.0, ge=0, le=2, allow_inf_nan=False)
    top_p: float = Field(1.0, ge=0, le=1, allow_inf_nan=False)
    top_k: Annotated[int, Field(ge=1), WHOLE] | None = None
    repetition_penalty: float = Field(1.0, ge=0.01, le=100, allow_inf_nan=False)
    n: Annotated[int, Field(ge=1, le=16), WHOLE] = Field(1, description="Choices for each prompt.")
    seed: Annotated[int, Field(ge=0, lt=2**53), WHOLE] | None = Field(
        None, description="The same seed gives the same text."
    )
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = Field(
        None, description="At most four texts that end a choice; not returned."
    )
    stream: bool = False
    stream_options: StreamOptions | None = None
    echo: bool = Field(False, description="Begin each text with its prompt.")
    best_of: Annotated[int, Field(ge=1, le=1), WHOLE] | None = None
    logprobs: None = None
    logit_bias: dict[str, float] | None = Field(None, max_length=0)
    frequency_penalty: float = Field(0, ge=0, le=0)
    presence_penalty: float = Field(0, ge=0, le=0)
    suffix: None = None
    user: str | None = None


class Choice(BaseModel):
    """One continuation."""

    text: str
    index: int
    logprobs: None = None
    finish_reason: Literal["stop", "length"] | None


class Usage(BaseModel):
    """Tokens of the model's own vocabulary."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """The answer."""

    id: str = Field(examples=["cmpl-7f0c"])
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None
    system_fingerprint: str = Field(description="The version that answered.", examples=["lstm-1"])


class ModelEntry(BaseModel):
    """One model that answers."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "fitserve"


class ModelList(BaseModel):
    """The models that answer."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]


@router.get("/models", operation_id="openai_models")
def models(request: Request) -> ModelList:
    """The models that have a live version, of whatever kind."""
    servables = _services(request).servables
    serving = [servables.live(model).card for model in servables.models if servables.serving(model) is not None]
    return ModelList(
        data=[
            ModelEntry(id=card.model, created=int(datetime.fromisoformat(card.created).timestamp())) for card in serving
        ]
    )


@router.post(
    "/completions",
    operation_id="openai_completions",
    response_model=Completion,
    responses={200: {"content": {"text/event-stream": {"itemSchema": EVENT}}}},
)
async def completions(request: Request, body: CompletionRequest) -> Response:
    """Continue one or several texts; with `stream`, piece by piece as server-sent events."""
    servables = _services(request).servables
    if body.model not in servables.models or servables.models[body.model].task != "generate":
        names = ", ".join(model for model, family in servables.models.items() if family.task == "generate")
        raise NotFound(f"no model {body.model!r} continues texts; models that do: {names}")
    completing = _Completing(await servables.get(body.model, None), body)
    if body.stream:
        return StreamingResponse(completing.chunks(), media_type="text/event-stream")
    return JSONResponse((await completing.whole()).model_dump())


class _Choosing:
    """One choice under way: its words become text, up to a stop string."""

    def __init__(self, loaded: Loaded, prompt: str, wish: Wish, stops: list[str], *, echo: bool) -> None:
        self._stops = Stops(stops)
        self._before = prompt if echo else ""
        self._needs_space = bool(prompt) and not prompt[-1].isspace()
        self.words: asyncio.Queue[Word | None] = asyncio.Queue()
        self.telling: Telling = loaded.batcher.submit(loaded.servable.read(prompt), wish, self.words.put_nowait)
        self.telling.done.add_done_callback(lambda _: self.words.put_nowait(None))

    async def pieces(self) -> AsyncIterator[str]:
        """The text, as it comes."""
        if self._before:
            yield self._before
        while (word := await self.words.get()) is not None:
            if piece := self._stops.pass_on(f" {word.text}" if self._needs_space else word.text):
                yield piece
            self._needs_space = True
            if self._stops.met:
                self.telling.done.cancel()
                return
        await self.telling.done
        if rest := self._stops.rest():
            yield rest

    @property
    def reason(self) -> Literal["stop", "length"]:
        """Why it ended."""
        return "stop" if self._stops.met or self.telling.stopped == "end_of_line" else "length"


class _Completing:
    """One request at one loaded version, which it keeps hold of to its end."""

    def __init__(self, loaded: Loaded, body: CompletionRequest) -> None:
        self._body = body
        self._loaded = loaded
        self._id = f"cmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
        prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
        self._choices: list[_Choosing] = []
        try:
            for prompt in prompts:
                for number in range(body.n):
                    text = unicodedata.normalize("NFC", prompt)
                    self._choices.append(_Choosing(loaded, text, self._wish(number), stops, echo=body.echo))
        except Exception:
            self._leave()
            raise

    def _wish(self, number: int) -> Wish:
        body = self._body
        seed = None if body.seed is None else body.seed + number
        top_p = body.top_p if 0 < body.top_p < 1 else None
        temperature = body.temperature if body.top_p > 0 else 0.0  # nothing but the likeliest is within 0
        sampling = Sampling(temperature, body.top_k, top_p, body.repetition_penalty, seed)
        return Wish(body.max_tokens, sampling, most_tokens=body.max_tokens)

    async def whole(self) -> Completion:
        """The answer when every choice has ended."""
        try:
            texts = [await self._text(choosing) for choosing in self._choices]
        finally:
            self._leave()
        choices = [
            Choice(text=text, index=index, finish_reason=choosing.reason)
            for index, (text, choosing) in enumerate(zip(texts, self._choices, strict=True))
        ]
        return self._completion(choices, self._usage())

    async def chunks(self) -> AsyncIterator[bytes]:
        """The answer as server-sent events: a chunk for each piece, and one that says why a choice ended."""
        pieces: asyncio.Queue[tuple[int, str | None]] = asyncio.Queue()
        tasks = [asyncio.create_task(self._send(index, pieces)) for index in range(len(self._choices))]
        try:
            running = len(tasks)
            while running:
                index, text = await pieces.get()
                reason = self._choices[index].reason if text is None else None
                running -= text is None
                yield self._event([Choice(text=text or "", index=index, finish_reason=reason)])
            for task in tasks:
                await task
            if self._body.stream_options and self._body.stream_options.include_usage:
                yield self._event([], self._usage())
            yield b"data: [DONE]\n\n"
        except Exception as fault:
            log.error("a stream of words failed", exc_info=fault)
            error = OpenAIRoute.told("something went wrong here; the log of the service says what", 500)
            yield f"data: {json.dumps(error)}\n\n".encode()
        finally:
            for task in tasks:
                task.cancel()
            self._leave()

    async def _text(self, choosing: _Choosing) -> str:
        return "".join([piece async for piece in choosing.pieces()])

    async def _send(self, index: int, pieces: "asyncio.Queue[tuple[int, str | None]]") -> None:
        try:
            async for piece in self._choices[index].pieces():
                pieces.put_nowait((index, piece))
        finally:
            pieces.put_nowait((index, None))

    def _leave(self) -> None:
        """Who is not listened to any more is not written for."""
        for choosing in self._choices:
            choosing.telling.done.cancel()

    def _usage(self) -> Usage:
        asked = sum(len(choosing.telling.prompt.tokens) - 1 for choosing in self._choices[:: self._body.n])
        given = sum(choosing.telling.taken for choosing in self._choices)
        return Usage(prompt_tokens=asked, completion_tokens=given, total_tokens=asked + given)

    def _event(self, choices: list[Choice], usage: Usage | None = None) -> bytes:
        left_out = None if usage else {"usage"}
        return f"data: {self._completion(choices, usage).model_dump_json(exclude=left_out)}\n\n".encode()

    def _completion(self, choices: list[Choice], usage: Usage | None) -> Completion:
        card = self._loaded.card
        return Completion(
            id=self._id,
            created=self._created,
            model=card.model,
            choices=choices,
            usage=usage,
            system_fingerprint=f"{card.model}-{card.version}",
        )


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
