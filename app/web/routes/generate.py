"""POST /generate: a text is continued, all at once or word by word."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.bootstrap import Services
from app.errors import InvalidRequest, NotFound
from app.families.generation import Prompt
from app.logging import log
from app.serving.generation_notes import remarks
from app.serving.loading import Loaded
from app.serving.sampling import Sampling
from app.serving.word_stream import Stop, Telling, Wish, Word
from app.tracing import span
from app.web.problems import EVENT, documented, make_problem
from app.web.requests.json_body.reading import read_json
from app.web.requests.json_body.route import JsonRoute
from app.web.requests.references import LONGEST_REFERENCE, Alias, Version, named
from app.web.requests.whole_numbers import WHOLE

EVENTS = "text/event-stream"
ALSO = {"simple_rnn": "rnn"}  # what people call a model that has another name
SEEDS = 2**53  # what JSON's readers keep exactly

Finite = Field(allow_inf_nan=False)


class GenerateRequest(BaseModel):
    """What to continue, and how."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seed_text: str = Field(max_length=10_000, description="The beginning of a line.", examples=["나는 오늘"])
    next_words: Annotated[int, Field(ge=1, le=1000), WHOLE] = Field(
        5, description="At most so many words; fewer when the line ends before."
    )
    model: str = Field("lstm", max_length=64, description="`rnn`, `lstm` or `gru`.")
    version: Annotated[int, WHOLE] | Annotated[str, Field(max_length=LONGEST_REFERENCE)] | None = Field(
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
    top_k: Annotated[int, Field(ge=1), WHOLE] | None = Field(
        None, description="Choose among so many of the likeliest tokens."
    )
    top_p: Annotated[float | None, Finite] = Field(
        None, gt=0, le=1, description="Choose among the fewest of the likeliest tokens that have this probability."
    )
    repetition_penalty: Annotated[float, Finite] = Field(
        1.0, ge=0.01, le=100, description="Above 1: what was there before becomes less likely."
    )
    seed: Annotated[int, Field(ge=0, lt=SEEDS), WHOLE] | None = Field(
        None, description="The same seed gives the same text."
    )
    alternatives: Annotated[int, Field(ge=0, le=20), WHOLE] = Field(
        0, description="How many of the next-best words to tell for each word."
    )
    stream: bool = Field(False, description="Send each word as it comes; so does `Accept: text/event-stream`.")


class QuickRoute(JsonRoute):
    """Reads the body by itself: FastAPI's way to an endpoint costs more than twenty words."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI asks for this once, when the route is made."""

        async def handle(request: Request) -> Response:
            try:
                limits = self.json_limits(request.app.state.services.settings)
                body = GenerateRequest.model_validate(await read_json(request, limits))
            except ValidationError as fault:
                details = fault.errors(include_url=False, include_context=False, include_input=False)
                raise InvalidRequest("the request does not fit", details) from fault
            query = request.query_params
            response: Response = await self.endpoint(request, body, query.get("version"), query.get("alias"))
            return response

        return handle


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
    stopped: Stop = Field(description="Whether `next_words` were reached or the line ended.")
    seed: int | None = Field(description="With this seed the same text comes again; null when nothing was drawn.")
    note: str | None = Field(
        description="What should be known of this answer: what was not understood, and why there is no word."
    )
    steps: list[Step] | None = Field(None, description="With `alternatives`: every word with what else was likely.")


def generate_router(models: Sequence[str]) -> APIRouter:
    """The one route for all models that generate."""
    router = APIRouter(tags=["generate"], route_class=QuickRoute)

    @router.post(
        "/generate",
        operation_id="generate",
        response_model=Generated,
        responses=documented(404, 409, 413, 422, 429)
        | {200: {"content": {EVENTS: {"itemSchema": EVENT, "example": "event: word\ndata: …\n\n"}}}},
    )
    async def generate(
        request: Request, body: GenerateRequest, version: Version = None, alias: Alias = None
    ) -> Response:
        """Continue a text. As a stream: a `word` event each, then `done` with the whole."""
        services: Services = request.app.state.services
        model = ALSO.get(body.model, body.model)
        if model not in models:
            raise NotFound(f"no model {body.model!r} generates; models that do: {', '.join(models)}")
        reference = named(body.version if version is None else version, body.alias if alias is None else alias)
        loaded = await services.servables.get(model, reference)
        continuing = _Continuing(loaded, body)
        if body.stream or EVENTS in request.headers.get("accept", ""):
            return continuing.streamed()
        answer = await continuing.whole()
        return Response(answer.model_dump_json(exclude=continuing.left_out()), media_type="application/json")

    return router


class _Continuing:
    """One request at one loaded version, which it keeps hold of to its end."""

    def __init__(self, loaded: Loaded, body: GenerateRequest) -> None:
        self._loaded = loaded
        drawn = body.temperature > 0
        self._seed = (secrets.randbelow(SEEDS) if body.seed is None else body.seed) if drawn else None
        sampling = Sampling(body.temperature, body.top_k, body.top_p, body.repetition_penalty, self._seed)
        self._wish = Wish(body.next_words, sampling, body.alternatives)
        self._prompt: Prompt = loaded.servable.read(body.seed_text)
        self._text = self._prompt.text

    async def whole(self) -> Generated:
        """The continued text when it is finished."""
        with span("generate"):
            return self._answer(await self._loaded.batcher.submit(self._prompt, self._wish).done)

    def streamed(self) -> Response:
        """A response that sends each word at once; raises Busy before anything is sent."""
        words: asyncio.Queue[Word | None] = asyncio.Queue()
        telling = self._loaded.batcher.submit(self._prompt, self._wish, words.put_nowait)
        telling.done.add_done_callback(lambda _: words.put_nowait(None))
        return StreamingResponse(self._events(telling, words), media_type=EVENTS, headers={"Cache-Control": "no-store"})

    async def _events(self, telling: Telling, words: asyncio.Queue[Word | None]) -> AsyncIterator[bytes]:
        try:
            place = 0
            while (word := await words.get()) is not None:
                yield _event("word", {"index": place, **self._told(word)})
                place += 1
            yield _event("done", self._answer(await telling.done).model_dump(exclude=self.left_out()))
        except Exception as fault:
            log.error("a stream of words failed", exc_info=fault)
            problem = make_problem(500, "something went wrong here; the log of the service says what", "internal")
            yield _event("error", problem.model_dump(exclude_none=True))
        finally:
            telling.done.cancel()  # who left is not written for

    def _told(self, word: Word) -> dict[str, Any]:
        return {"word": word.text} if word.probability is None else _step(word).model_dump()

    def left_out(self) -> set[str]:
        """What an answer does not show when it was not asked for."""
        return set() if self._wish.alternatives else {"steps"}

    def _answer(self, telling: Telling) -> Generated:
        words = [word.text for word in telling.words]
        card = self._loaded.card
        return Generated(
            model=card.model,
            version=card.version,
            seed_text=self._text,
            text=" ".join([*([self._text.rstrip()] if self._text.strip() else []), *words]),
            words=words,
            ignored_words=list(self._prompt.ignored),
            unknown_scripts=list(self._prompt.unknown_scripts),
            from_line_start=len(self._prompt.tokens) == 1,
            stopped=telling.stopped or "words",
            seed=self._seed,
            note=" ".join(remarks(self._loaded.servable, self._prompt, telling)) or None,
            steps=[_step(word) for word in telling.words] if self._wish.alternatives else None,
        )


def _step(word: Word) -> Step:
    others = [Alternative(**asdict(choice)) for choice in word.alternatives]
    return Step(word=word.text, probability=word.probability or 0.0, alternatives=others)


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
