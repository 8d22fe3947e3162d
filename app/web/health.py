"""/health: is the process alive, and does it answer with models."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.bootstrap import Services

router = APIRouter(prefix="/health", tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: str = Field("ok", examples=["ok"])


class ModelHealth(BaseModel):
    """What one model answers with, and what would not load."""

    serving: int | None
    faults: dict[int, str]


class Ready(BaseModel):
    """Ready when every model that has a live version answers with one, until a signal says stop."""

    ready: bool
    runtime: str = Field(description="What predictions run on.", examples=["onnxruntime"])
    models: dict[str, ModelHealth]


@router.get("/live", operation_id="live")
async def live() -> Live:
    """Never depends on a model."""
    return Live()


@router.get("/ready", operation_id="ready", responses={503: {"model": Ready, "description": "Not ready"}})
def ready(request: Request, response: Response) -> Ready:
    """Warm, and answering for every model that was ever trained."""
    services: Services = request.app.state.services
    servables = services.servables
    models = {
        model: ModelHealth(serving=servables.serving(model), faults=servables.faults[model])
        for model in servables.models
    }
    is_ready = not request.app.state.leaving and servables.complete
    response.status_code = 200 if is_ready else 503
    return Ready(ready=is_ready, runtime=servables.runtime.name, models=models)
