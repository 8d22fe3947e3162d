"""The Open Inference Protocol, version 2, as KServe, Triton and MLServer speak it, with its binary tensor extension.

Described in kserve/open-inference-protocol and Triton's protocol extensions; driven by the signatures in the cards.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from app.errors import InvalidRequest, NotFound
from app.serving.inference import Target
from app.serving.loading import LoadedClassifier, LoadedGenerator, LoadedVersion
from app.serving.runtimes.signatures import inputs_of, outputs_of
from app.store.version import TensorCard
from app.web.dependencies import context_of, is_ready, services_of
from app.web.protocols import triton
from app.web.protocols.datatypes import datatype_of
from app.web.protocols.error_handling import TEXT, ErrorRoute, error_responses, object_documentation
from app.web.protocols.path_parameters import path_parameter_docs, reference_in
from app.web.protocols.tensor_json import pictures_in, tensor_limits
from app.web.protocols.v2_codec import InputTensor, Message, read_message, write_message

router = APIRouter(
    prefix="/v2", tags=["Open Inference Protocol"], route_class=ErrorRoute, responses=error_responses(TEXT)
)

EXTENSIONS = [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository(index)",
    "statistics",
]
BYTES = "BYTES"


@router.get("", operation_id="v2_server")
async def server(request: Request) -> dict[str, Any]:
    """The server's name, version and extensions."""
    return {"name": "fitserve", "version": request.app.version, "extensions": EXTENSIONS}


@router.get("/health/live", operation_id="v2_live")
async def live() -> dict[str, bool]:
    """The process answers."""
    return {"live": True}


@router.get("/health/ready", operation_id="v2_ready")
async def ready(request: Request, response: Response) -> dict[str, bool]:
    """Every model that was ever trained answers; until a signal says stop."""
    answers = is_ready(request)
    response.status_code = 200 if answers else 503
    return {"ready": answers}


@router.get("/models", operation_id="v2_models")
def models(request: Request) -> dict[str, list[str]]:
    """The models there are."""
    return {"models": list(services_of(request).servables.models)}


@router.get("/models/stats", operation_id="v2_stats_all")
async def all_statistics(request: Request) -> dict[str, Any]:
    """What the loaded versions of every model that classifies have predicted, as Triton tells it."""
    servables = services_of(request).servables
    numbered = [
        (model, version)
        for model, family in servables.models.items()
        if family.task == "classify"
        for version in servables.loaded(model)
    ]
    loaded = [await servables.get(model, str(version)) for model, version in numbered]
    return {"model_stats": [triton.statistics(_counted(one)) for one in loaded]}


@router.post("/repository/index", operation_id="v2_index")
def index(request: Request) -> list[dict[str, str]]:
    """Every version of every model and its state."""
    services = services_of(request)
    found = []
    for model in services.servables.models:
        faults = services.store.faults(model) | services.servables.faults[model]
        serving = services.servables.serving(model)
        sound = [card.version for card in services.store.versions(model) if card.version not in faults]
        for version in sorted([*sound, *faults]):
            state = "READY" if version == serving else "UNAVAILABLE"
            reason = faults.get(version, "" if version == serving else "not live; it is loaded when it is asked for")
            found.append({"name": model, "version": str(version), "state": state, "reason": reason})
    return found


async def describe(request: Request, model: str) -> dict[str, Any]:
    """What a model takes and gives."""
    loaded = await _loaded(request, model)
    card = loaded.card
    versions = await run_in_threadpool(services_of(request).store.versions, model)
    return {
        "name": model,
        "versions": [str(one.version) for one in versions],
        "platform": services_of(request).runtime.platform(card),
        "inputs": [_tensor(tensor) for tensor in inputs_of(card)],
        "outputs": [_tensor(tensor) for tensor in outputs_of(card)],
    }


async def model_ready(request: Request, model: str) -> dict[str, Any]:
    """Whether a model answers."""
    await _loaded(request, model)
    return {"name": model, "ready": True}


async def configuration(request: Request, model: str) -> dict[str, Any]:
    """A model's configuration, as Triton tells it."""
    loaded = await _loaded(request, model)
    services = services_of(request)
    return triton.configuration(
        loaded, services.runtime.name, services.runtime.platform(loaded.card), services.settings
    )


async def statistics(request: Request, model: str) -> dict[str, Any]:
    """What the loaded versions of a model, or one version, have predicted, as Triton tells it. Each process counts for
    itself, from the moment at which a version was loaded.
    """
    if reference_in(request) is not None:
        return {"model_stats": [triton.statistics(_counted(await _loaded(request, model)))]}
    services = services_of(request)
    _counted(await _loaded(request, model))
    loaded = [await services.servables.get(model, str(version)) for version in services.servables.loaded(model)]
    return {"model_stats": [triton.statistics(_counted(one)) for one in loaded]}


async def infer(request: Request, model: str) -> Response:
    """Outputs for tensors, or for pictures as BYTES; JSON, binary tensors, or the bare picture as the body."""
    services = services_of(request)
    loaded = await services.inference.stateless(Target(model, reference_in(request)))
    message = await read_message(request, tensor_limits(services.settings, loaded))
    inputs = await _inputs(loaded, message)
    return await write_message(message, await services.inference.infer(loaded, inputs, context_of(request)))


for _path in ("/models/{model}", "/models/{model}/versions/{version}"):
    _name = "_version" if "version" in _path else ""
    _extra = path_parameter_docs(_path)
    router.add_api_route(_path, describe, methods=["GET"], operation_id=f"v2_model{_name}", openapi_extra=_extra)
    router.add_api_route(
        f"{_path}/ready",
        model_ready,
        methods=["GET"],
        operation_id=f"v2_model_ready{_name}",
        openapi_extra=_extra,
    )
    router.add_api_route(
        f"{_path}/config", configuration, methods=["GET"], operation_id=f"v2_config{_name}", openapi_extra=_extra
    )
    router.add_api_route(
        f"{_path}/stats", statistics, methods=["GET"], operation_id=f"v2_stats{_name}", openapi_extra=_extra
    )
    router.add_api_route(
        f"{_path}/infer",
        infer,
        methods=["POST"],
        operation_id=f"v2_infer{_name}",
        response_class=JSONResponse,
        openapi_extra=_extra | object_documentation("inputs"),
    )


async def _inputs(loaded: LoadedClassifier, message: Message) -> dict[str, Any]:
    """The inputs of a message by name; a bare body is the only input."""
    only = loaded.card.input
    inputs = {}
    for given in message.inputs:
        name = only.name if given.name is None else given.name
        if name in inputs:
            raise InvalidRequest(f"expected one input, {only.name!r}, once")
        inputs[name] = await _values(loaded, given) if name == only.name else None
    return inputs


async def _values(loaded: LoadedClassifier, given: InputTensor) -> Any:
    """Encoded pictures, or an array."""
    only = loaded.card.input
    if given.datatype == BYTES and all(isinstance(picture, bytes) for picture in given.values):
        return given.values
    if given.datatype == BYTES:
        return await pictures_in(loaded, given.values, f"{only.name}: BYTES in JSON are base64")
    if given.datatype != datatype_of(only):
        raise InvalidRequest(f"{only.name} is {datatype_of(only)} (or a picture as BYTES), not {given.datatype}")
    return given.values


def _counted(loaded: LoadedVersion) -> LoadedClassifier:
    """The same version; raises NotFound for those of which nothing is counted."""
    if isinstance(loaded, LoadedGenerator):
        raise NotFound(f"{loaded.card.model} continues texts, of which there are no such statistics")
    return loaded


def _tensor(tensor: TensorCard) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": datatype_of(tensor), "shape": list(tensor.shape)}


async def _loaded(request: Request, model: str) -> LoadedVersion:
    return await services_of(request).inference.resolve(Target(model, reference_in(request)))
