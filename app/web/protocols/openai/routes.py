"""The routes: completions, whole or streamed, and the models there are."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app.bootstrap import Services
from app.errors import NotFound
from app.web.problems import EVENT
from app.web.protocols.error_handling import described
from app.web.protocols.openai.completions import Completing
from app.web.protocols.openai.errors import OpenAIRoute
from app.web.protocols.openai.model_entry import entry_of
from app.web.protocols.openai.request import CompletionRequest
from app.web.protocols.openai.responses import Completion, ModelList

router = APIRouter(
    prefix="/v1",
    tags=["OpenAI completions"],
    route_class=OpenAIRoute,
    responses=described({"error": {"type": "object", "required": ["message", "type", "param", "code"]}}),
)


@router.get("/models", operation_id="openai_models")
def models(request: Request) -> ModelList:
    """The models that have a live version, of whatever kind."""
    servables = _services(request).servables
    return ModelList(
        data=[entry_of(servables, model) for model in servables.models if servables.serving(model) is not None]
    )


@router.post(
    "/completions",
    operation_id="openai_completions",
    response_model=Completion,
    responses={200: {"content": {"text/event-stream": {"itemSchema": EVENT}}}},
)
async def completions(request: Request, body: CompletionRequest) -> Response:
    """Continue one or several texts; with `stream`, token by token as server-sent events."""
    servables = _services(request).servables
    if body.model not in servables.models or servables.models[body.model].task != "generate":
        names = ", ".join(model for model, family in servables.models.items() if family.task == "generate")
        raise NotFound(f"no model {body.model!r} continues texts; models that do: {names}")
    completing = Completing(await servables.get(body.model, None), body)
    if body.stream:
        return StreamingResponse(completing.chunks(), media_type="text/event-stream")
    return Response((await completing.whole()).model_dump_json(), media_type="application/json")


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
