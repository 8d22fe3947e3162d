"""POST /generate: a text is continued, all at once or word by word."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import InvalidRequest
from app.logging import log
from app.serving.inference import Target
from app.serving.sampling import SamplingParameters
from app.serving.text_generation import SEEDS, GeneratedText, TextGeneration
from app.serving.word_stream import StopReason, Word, WordOptions
from app.web.dependencies import LONGEST_REFERENCE, Alias, Version, context_of, resolve_reference, services_of
from app.web.problems import EVENT, documented, make_problem
from app.web.requests.json_body.reading import read_json
from app.web.requests.json_body.route import JsonRoute
from app.web.requests.whole_numbers import WHOLE_NUMBER

EVENTS = EventSourceResponse.media_type
ALSO = {"simple_rnn": "rnn"}  # what people call a model that has another name

Finite = Field(allow_inf_nan=False)


class GenerateRequest(BaseModel):
    """What to continue, and how."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seed_text: str = Field(max_length=10_000, description="The beginning of a line.", examples=["나는 오늘"])
    next_words: Annotated[int, Field(ge=1, le=1000), WHOLE_NUMBER] = Field(
        5, description="At most so many words; fewer when the line ends before."
    )
    model: str = Field("lstm", max_length=64, description="A model that continues texts, such as `lstm`.")
    version: Annotated[int, WHOLE_NUMBER] | Annotated[str, Field(max_length=LONGEST_REFERENCE)] | None = Field(
        None, description="A version or an alias; by default the live one. Not together with `alias`."
    )
    alias: str | None = Field(
        None,
        max_length=LONGEST_REFERENCE,
        description="An alias, in place of `version` and not together with it. What the query names comes first.",
    )
    temperature: Annotated[float, Finite] = Field(
        0.0, ge=0, le=100, description="0: always the likeliest; 1: as likely as learned; above: bolder."
    )
    top_k: Annotated[int, Field(ge=1), WHOLE_NUMBER] | None = Field(
        None, description="Choose among so many of the likeliest tokens."
    )
    top_p: Annotated[float | None, Finite] = Field(
        None, gt=0, le=1, description="Choose among the fewest of the likeliest tokens that have this probability."
    )
    repetition_penalty: Annotated[float, Finite] = Field(
        1.0, ge=0.01, le=100, description="Above 1: what was there before becomes less likely."
    )
    seed: Annotated[int, Field(ge=0, lt=SEEDS), WHOLE_NUMBER] | None = Field(
        None, description="The same seed gives the same text."
    )
    alternatives: Annotated[int, Field(ge=0, le=20), WHOLE_NUMBER] = Field(
        0, description="How many of the next-best words to tell for each word."
    )
    stream: bool = Field(False, description="Send each word as it comes; so does `Accept: text/event-stream`.")


class GenerateRoute(JsonRoute):
    """Reads the body by itself: FastAPI's way to an endpoint costs more than twenty words."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI asks for this once, when the route is made."""

        async def handle(request: Request) -> Response:
            try:
                limits = self.json_limits(request.app.state.services.settings)
                body = GenerateRequest.model_validate(await read_json(request, limits))
            except ValidationError as fault:
                raise InvalidRequest.of("the request does not fit", fault) from fault
            query = request.query_params
            response: Response = await self.endpoint(request, body, query.get("version"), query.get("alias"))
            return response

        return handle


router = APIRouter(tags=["generate"], route_class=GenerateRoute)


class Alternative(BaseModel):
    """What else could have come; an empty word is the line's end."""

    word: str
    probability: float


class Step(BaseModel):
    """A word, how likely it (or the piece it begins with) was, and what else was likely there."""

    word: str
    probability: float
    alternatives: list[Alternative]


class Generated(BaseModel):
    """A continued text."""

    model: str = Field(examples=["lstm"])
    version: int = Field(examples=[1])
    seed_text: str = Field(
        description="As it was sent, in Unicode's composed form and without what cannot be seen.",
        examples=["나는 오늘"],
    )
    text: str = Field(description="The seed text and its continuation.", examples=["나는 오늘 학교에 갔다"])
    words: list[str] = Field(description="The continuation.", examples=[["학교에", "갔다"]])
    ignored_words: list[str] = Field(description="Words of the seed text that the model does not know.")
    unknown_scripts: list[str] = Field(
        description="Scripts of the seed text of which the model has learned no letters.", examples=[["Latin"]]
    )
    from_line_start: bool = Field(
        description="True when no word of the seed text is known, so that the continuation begins like a new line."
    )
    stopped: StopReason = Field(description="Whether `next_words` were reached or the line ended.")
    seed: int | None = Field(description="With this seed the same text comes again; null when nothing was drawn.")
    note: str | None = Field(
        description="What should be known of this answer: what was not understood, and why there is no word."
    )
    steps: list[Step] | None = Field(None, description="With `alternatives`: every word with what else was likely.")


@router.post(
    "/generate",
    operation_id="generate",
    response_model=Generated,
    responses=documented(404, 409, 413, 422, 429)
    | {200: {"content": {EVENTS: {"itemSchema": EVENT, "example": "event: word\ndata: …\n\n"}}}},
)
async def generate(request: Request, body: GenerateRequest, version: Version = None, alias: Alias = None) -> Response:
    """Continue a text. As a stream: a `word` event each, then `done` with the whole."""
    reference = resolve_reference(body.version if version is None else version, body.alias if alias is None else alias)
    target = Target(ALSO.get(body.model, body.model), reference)
    sampling = SamplingParameters(body.temperature, body.top_k, body.top_p, body.repetition_penalty, body.seed)
    options = WordOptions(body.next_words, sampling, body.alternatives)
    inference = services_of(request).inference
    generation = await inference.generate(target, body.seed_text, options, context_of(request))
    if body.stream or EVENTS in request.headers.get("accept", ""):
        events = _events(generation, with_steps=body.alternatives > 0)
        return EventSourceResponse(events, headers={"Cache-Control": "no-store"})
    try:
        answer = _answer(await generation.result(), with_steps=body.alternatives > 0)
    finally:
        generation.cancel()
    return Response(answer.model_dump_json(exclude=_left_out(answer)), media_type="application/json")


async def _events(generation: TextGeneration, *, with_steps: bool) -> AsyncIterator[bytes]:
    """Each word as an event, then the whole; an `error` event when the network fails."""
    try:
        index = 0
        async for word in generation.words():
            yield _event("word", {"index": index, **_shown(word)})
            index += 1
        answer = _answer(await generation.result(), with_steps=with_steps)
        yield _event("done", answer.model_dump(exclude=_left_out(answer)))
    except Exception as fault:
        log.error("a stream of words failed", exc_info=fault)
        problem = make_problem(500, "something went wrong here; the log of the service says what", "internal")
        yield _event("error", problem.model_dump(exclude_none=True))
    finally:
        generation.cancel()


def _answer(text: GeneratedText, *, with_steps: bool) -> Generated:
    return Generated(
        model=text.card.model,
        version=text.card.version,
        seed_text=text.seed_text,
        text=text.text,
        words=[word.text for word in text.words],
        ignored_words=list(text.ignored_words),
        unknown_scripts=list(text.unknown_scripts),
        from_line_start=text.from_line_start,
        stopped=text.stopped,
        seed=text.seed,
        note=" ".join(text.notes) or None,
        steps=[_step(word) for word in text.words] if with_steps else None,
    )


def _left_out(answer: Generated) -> set[str]:
    """What an answer does not show when it was not asked for."""
    return {"steps"} if answer.steps is None else set()


def _step(word: Word) -> Step:
    others = [Alternative(**asdict(choice)) for choice in word.alternatives]
    return Step(word=word.text, probability=word.probability or 0.0, alternatives=others)


def _shown(word: Word) -> dict[str, Any]:
    return {"word": word.text} if word.probability is None else _step(word).model_dump()


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return format_sse_event(event=kind, data_str=json.dumps(data, ensure_ascii=False))
