"""/health: is the process alive, and does it answer with models."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.web.dependencies import ServicesDep, is_ready, keys_fault

router = APIRouter(prefix="/health", tags=["health"])

DRIVER = Path("/proc/driver/nvidia")


class Live(BaseModel):
    """The process answers."""

    status: str = Field("ok", examples=["ok"])


class ModelHealth(BaseModel):
    """What one model answers with, and what would not load."""

    serving: int | None
    loaded: list[int] = Field(description="Versions in memory.")
    waiting: int = Field(description="Instances, or texts, that wait for the version that serves.")
    faults: dict[int, str]


class Ready(BaseModel):
    """Ready when every model that has a live version answers with one and what they run on works, until a signal says
    stop.
    """

    ready: bool
    runtime: str = Field(description="What predictions run on.", examples=["onnxruntime"])
    runtime_reason: str = Field(description="Why they run on that.", examples=["no NVIDIA GPU is visible"])
    runtime_fault: str | None = Field(description="Why they do not run now, as when a GPU is lost.")
    gpus: list[str] = Field(description="The NVIDIA GPUs that the driver tells of.")
    keys_fault: str | None = Field(description="Why the file of keys cannot be used now; the last good ones serve.")
    leads: bool = Field(description="Whether this process is the one of its journal that starts trainers.")
    models: dict[str, ModelHealth]


@router.get("/live", operation_id="live")
async def live() -> Live:
    """Never depends on a model."""
    return Live()


@router.get("/ready", operation_id="ready", responses={503: {"model": Ready, "description": "Not ready"}})
async def ready(services: ServicesDep, request: Request, response: Response) -> Ready:
    """Warm, and answering for every model that was ever trained. It asks nothing and waits for nothing."""
    servables, runtime = services.servables, services.runtime
    models = {
        model: ModelHealth(
            serving=servables.serving(model),
            loaded=servables.loaded(model),
            waiting=servables.waiting(model),
            faults=servables.faults[model],
        )
        for model in servables.models
    }
    answers = is_ready(request)
    response.status_code = 200 if answers else 503
    return Ready(
        ready=answers,
        runtime=runtime.name,
        runtime_reason=runtime.reason,
        runtime_fault=runtime.fault,
        gpus=request.app.state.gpus,
        keys_fault=keys_fault(request),
        leads=services.supervisor.leads(),
        models=models,
    )


def gpus() -> list[str]:
    """What NVIDIA's driver says there is; without TensorFlow, which would take their memory."""
    told = sorted(DRIVER.glob("gpus/*/information"))
    return [
        line.partition(":")[2].strip()
        for path in told
        for line in path.read_text().splitlines()
        if line.startswith("Model:")
    ]
