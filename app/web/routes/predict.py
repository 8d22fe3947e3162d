"""POST /predict/{model}: pictures are classified."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute

from app.errors import InvalidRequest
from app.families.contract import Classification, Crop
from app.serving.inference import ClassifyOptions, Target
from app.settings import Settings
from app.web.dependencies import Alias, Version, context_of, resolve_reference, services_of
from app.web.problems import Problem, documented, problem_of
from app.web.requests.uploads import form_documentation, read_one, read_several

TopK = Annotated[int | None, Query(ge=1, le=10_000, description="How many of the labels to list; by default all.")]
CropParameter = Annotated[
    Crop | None,
    Query(description="The `centre` of a photograph, cut square, or the `whole`, squeezed; by default FITSERVE_CROP."),
]
Debug = Annotated[Literal["input"] | None, Query(description="`input`: answer with the PNG that the network saw.")]
REFUSALS = documented(404, 409, 413, 415, 422, 429)
PICTURE: dict[str, Any] = {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}


class FastPathRoute(APIRoute):
    """Calls the endpoint straight away when there is no query: resolving absent parameters costs more than a digit."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI asks for this once, when the route is made."""
        resolving = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.scope["query_string"]:
                return await resolving(request)
            response: Response = await self.endpoint(request, request.path_params["model"])
            return response

        return handle


def predict_routers(settings: Settings) -> list[APIRouter]:
    """The routes of every model that classifies; the OpenAPI document has them once for each model."""
    single = APIRouter(prefix="/predict", tags=["predict"], route_class=FastPathRoute)
    _add_single(single, settings)
    several = APIRouter(prefix="/predict", tags=["predict"])
    _add_batch(several, settings)
    return [single, several]


def _add_single(router: APIRouter, settings: Settings) -> None:
    @router.post(
        "/{model}",
        summary="{title}",
        operation_id="predict_{model}",
        response_model=Classification,
        responses=REFUSALS | {200: PICTURE},
        openapi_extra={"requestBody": form_documentation("file", several=False, **_bounds(settings))},
    )
    async def predict(
        request: Request,
        model: str,
        version: Version = None,
        alias: Alias = None,
        top_k: TopK = None,
        crop: CropParameter = None,
        debug: Debug = None,
    ) -> Response:
        """Classify one picture."""
        inference, options = services_of(request).inference, ClassifyOptions(top_k, crop)
        loaded = await inference.classifier(Target(model, resolve_reference(version, alias)))
        picture = await read_one(request, settings.max_files, settings.max_body_bytes)
        if debug == "input":
            return Response(await inference.preview(loaded, picture, options), media_type="image/png")
        answer = await inference.classify_one(loaded, picture, options, context_of(request))
        return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


def _add_batch(router: APIRouter, settings: Settings) -> None:
    @router.post(
        "/{model}/batch",
        summary="{title}: several pictures",
        operation_id="predict_{model}_batch",
        response_model_exclude_none=True,
        responses=REFUSALS,
        openapi_extra={"requestBody": form_documentation("files", several=True, **_bounds(settings))},
    )
    async def predict_batch(
        request: Request,
        model: str,
        version: Version = None,
        alias: Alias = None,
        top_k: TopK = None,
        crop: CropParameter = None,
    ) -> list[Classification | Problem]:
        """Classify several pictures; answers come in their order, a problem in place of each that cannot be read."""
        inference = services_of(request).inference
        loaded = await inference.classifier(Target(model, resolve_reference(version, alias)))
        pictures = await read_several(request, settings.max_files)
        answers = await inference.classify(loaded, pictures, ClassifyOptions(top_k, crop), context_of(request))
        return [problem_of(answer) if isinstance(answer, InvalidRequest) else answer for answer in answers]


def _bounds(settings: Settings) -> dict[str, int]:
    return {"max_files": settings.max_files, "max_bytes": settings.max_body_bytes}
