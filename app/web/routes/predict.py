"""POST /predict/{model} for every family that classifies pictures."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute

from app.bootstrap import Services
from app.errors import InvalidRequest
from app.families.contract import Classification, Crop, Family
from app.serving.loading import Loaded
from app.settings import Settings
from app.web.decoding import decode
from app.web.problems import Problem, documented, problem_of
from app.web.requests.references import Alias, Version, named
from app.web.requests.uploads import form_documentation, read_one, read_several

TopK = Annotated[int | None, Query(ge=1, le=10_000, description="How many of the labels to list; by default all.")]
Cropped = Annotated[
    Crop | None,
    Query(description="The `centre` of a photograph, cut square, or the `whole`, squeezed; by default FITSERVE_CROP."),
]
Debug = Annotated[Literal["input"] | None, Query(description="`input`: answer with the PNG that the network saw.")]


class QuickRoute(APIRoute):
    """Calls the endpoint straight away when there is no query: resolving absent parameters costs more than a digit."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI asks for this once, when the route is made."""
        resolving = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.scope["query_string"]:
                return await resolving(request)
            response: Response = await self.endpoint(request)
            return response

        return handle


def predict_routers(family: Family, settings: Settings) -> list[APIRouter]:
    """The routes of a family's models."""
    single = APIRouter(prefix="/predict", tags=["predict"], route_class=QuickRoute)
    batch = APIRouter(prefix="/predict", tags=["predict"])
    for model in family.models:
        _add_one(single, model, family.title, settings)
        _add_batch(batch, model, family.title, settings)
    return [single, batch]


def _add_one(router: APIRouter, model: str, title: str, settings: Settings) -> None:
    form = form_documentation("file", several=False, **_bounds(settings))

    @router.post(
        f"/{model}",
        summary=title,
        operation_id=f"predict_{model}",
        response_model=Classification,
        responses=documented(404, 409, 413, 415, 422, 429)
        | {200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
        openapi_extra={"requestBody": form},
    )
    async def predict(
        request: Request,
        version: Version = None,
        alias: Alias = None,
        top_k: TopK = None,
        crop: Cropped = None,
        debug: Debug = None,
    ) -> Response:
        """Classify one picture."""
        services: Services = request.app.state.services
        loaded = await services.servables.get(model, named(version, alias))
        instance = await decode(services, loaded, await _picture(request, services), crop)
        if debug == "input":
            return Response(loaded.servable.seen(instance), media_type="image/png")
        (output,) = loaded.batcher.submit([instance])
        answer: Classification = loaded.servable.answer(await output, top_k)
        return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


def _add_batch(router: APIRouter, model: str, title: str, settings: Settings) -> None:
    form = form_documentation("files", several=True, **_bounds(settings))

    @router.post(
        f"/{model}/batch",
        summary=f"{title}: several pictures",
        operation_id=f"predict_{model}_batch",
        response_model_exclude_none=True,
        responses=documented(404, 409, 413, 415, 422, 429),
        openapi_extra={"requestBody": form},
    )
    async def predict_batch(
        request: Request, version: Version = None, alias: Alias = None, top_k: TopK = None, crop: Cropped = None
    ) -> list[Classification | Problem]:
        """Classify several pictures; answers come in their order, a problem in place of each that cannot be read."""
        services: Services = request.app.state.services
        loaded = await services.servables.get(model, named(version, alias))
        payloads = await read_several(request, services.settings.max_files)
        decoded = await asyncio.gather(*(_decode_or_problem(services, loaded, payload, crop) for payload in payloads))
        instances = [instance for instance in decoded if not isinstance(instance, Problem)]
        outputs = iter(await asyncio.gather(*loaded.batcher.submit(instances)))
        return [
            entry if isinstance(entry, Problem) else loaded.servable.answer(next(outputs), top_k) for entry in decoded
        ]


def _bounds(settings: Settings) -> dict[str, int]:
    return {"max_files": settings.max_files, "max_bytes": settings.max_body_bytes}


async def _picture(request: Request, services: Services) -> bytes:
    return await read_one(request, services.settings.max_files, services.settings.max_body_bytes)


async def _decode_or_problem(services: Services, loaded: Loaded, payload: bytes, crop: Crop | None) -> Any:
    try:
        return await decode(services, loaded, payload, crop)
    except InvalidRequest as fault:
        return problem_of(fault)
