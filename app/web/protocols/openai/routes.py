"""The routes: completions, whole or streamed, and the models there are."""

from fastapi import APIRouter, Request

from app.web.dependencies import services_of
from app.web.problems import EVENT
from app.web.protocols.error_handling import error_responses
from app.web.protocols.openai.completions import completions
from app.web.protocols.openai.errors import OpenAIRoute
from app.web.protocols.openai.model_entry import entry_of
from app.web.protocols.openai.responses import CompletionResponse, ModelList

router = APIRouter(
    prefix="/v1",
    tags=["OpenAI completions"],
    route_class=OpenAIRoute,
    responses=error_responses({"error": {"type": "object", "required": ["message", "type", "param", "code"]}}),
)


@router.get("/models", operation_id="openai_models")
def models(request: Request) -> ModelList:
    """The models that have a live version, of whatever kind."""
    servables = services_of(request).servables
    return ModelList(
        data=[entry_of(servables, model) for model in servables.models if servables.serving(model) is not None]
    )


router.add_api_route(
    "/completions",
    completions,
    methods=["POST"],
    operation_id="openai_completions",
    response_model=CompletionResponse,
    responses={200: {"content": {"text/event-stream": {"itemSchema": EVENT}}}},
)
