"""/health: is the process alive, and does it answer with models."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.web.dependencies import ServicesDep, is_ready, keys_fault

router = APIRouter(prefix="/health", tags=["health"])

DRIVER = Path("/proc/driver/nvidia")


class Live(BaseModel):
    """The process is alive."""

    status: str = Field("ok", examples=["ok"])


class ModelHealth(BaseModel):
    """The serving state of a model."""

    serving: int | None
    loaded: list[int] = Field(description="Versions loaded in memory.")
    waiting: int = Field(description="Instances or texts in the queue.")
    faults: dict[int, str]


class Ready(BaseModel):
    """Readiness: every model with a live version is served, the runtime works, and no signal to stop has arrived."""

    ready: bool
    runtime: str = Field(description="Runtime that runs predictions.", examples=["onnxruntime"])
    runtime_reason: str = Field(description="Why this runtime was selected.", examples=["no NVIDIA GPU is visible"])
    runtime_fault: str | None = Field(description="Why the runtime is failing now, for example because a GPU was lost.")
    gpus: list[str] = Field(description="NVIDIA GPUs reported by the driver.")
    keys_fault: str | None = Field(description="Why the keys file cannot be read; the last valid keys stay in use.")
    is_leader: bool = Field(description="Whether this process is the leader, which starts the trainers.")
    models: dict[str, ModelHealth]


@router.get("/live", operation_id="live")
async def live() -> Live:
    """Liveness probe. Does not depend on any model."""
    return Live()


@router.get("/ready", operation_id="ready", responses={503: {"model": Ready, "description": "Not ready"}})
async def ready(services: ServicesDep, request: Request, response: Response) -> Ready:
    """Readiness probe: 200 when every model with a version is served, else 503."""
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
        is_leader=services.supervisor.is_leader(),
        models=models,
    )


def gpus() -> list[str]:
    """What NVIDIA's driver says there is; without TensorFlow, which would take their memory."""
    information = sorted(DRIVER.glob("gpus/*/information"))
    return [
        line.partition(":")[2].strip()
        for path in information
        for line in path.read_text().splitlines()
        if line.startswith("Model:")
    ]
