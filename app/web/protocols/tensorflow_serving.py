"""TensorFlow Serving's REST interface: status, metadata, :predict and :classify, over the same batchers.

The interface is described in TensorFlow Serving's api_rest.md; this code is driven by the signatures in the cards.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from app.bootstrap import Services
from app.errors import Damaged, InvalidRequest, NotFound
from app.families.contract import Array, Classification
from app.serving.inference import ClassifyOptions, Target
from app.serving.loading import LoadedClassifier, LoadedVersion
from app.serving.runtimes.signatures import inputs_of, outputs_of
from app.store.version import TensorCard
from app.web.dependencies import context_of, services_of
from app.web.protocols.error_handling import TEXT, ErrorRoute, error_responses, object_documentation
from app.web.protocols.openai.model_entry import entry_of
from app.web.protocols.path_parameters import path_parameter_docs, reference_in, without_verb
from app.web.protocols.tensor_json import items_of, pictures_in, tensor_limits
from app.web.requests.json_body.reading import read_object

router = APIRouter(
    prefix="/v1/models", tags=["TensorFlow Serving"], route_class=ErrorRoute, responses=error_responses(TEXT)
)

SIGNATURE = "serving_default"
METHOD = "tensorflow/serving/predict"
TYPES = {"float32": "DT_FLOAT", "float64": "DT_DOUBLE", "int32": "DT_INT32", "int64": "DT_INT64", "uint8": "DT_UINT8"}
BINARY = "b64"


def status(request: Request, model: str) -> Any:
    """Which versions there are, and whether they answer. Of a model that has a live version, without a version in the
    address, also what OpenAI's interface has here: `id`, `object`, `created` and `owned_by`, as in GET /v1/models.
    """
    services = services_of(request)
    states = _states(services, model)
    reference = reference_in(request)
    if reference is None and services.servables.serving(model) is not None:
        return {"model_version_status": states, **entry_of(services.servables, model).model_dump()}
    if reference is not None:
        wanted = str(services.store.resolve(model, reference))
        states = [state for state in states if state["version"] == wanted]
    return {"model_version_status": states}


async def metadata(request: Request, model: str) -> Any:
    """The signature of a version."""
    loaded = await _loaded(request, model)
    card = loaded.card
    signature = {
        "inputs": {tensor.name: _tensor_info(tensor) for tensor in inputs_of(card)},
        "outputs": {tensor.name: _tensor_info(tensor) for tensor in outputs_of(card)},
        "method_name": METHOD,
    }
    return {
        "model_spec": {"name": model, "signature_name": "", "version": str(card.version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


async def run_predict(request: Request, model: str) -> Response:
    """Outputs for tensors, or for pictures as {"b64": ...}: `instances` (rows) or `inputs` (columns)."""
    services = services_of(request)
    loaded = await _stateless(request, model)
    body = await read_object(request, tensor_limits(services.settings, loaded))
    _check_signature(body)
    if ("instances" in body) == ("inputs" in body):
        raise InvalidRequest("expected either instances or inputs")
    rows = "instances" in body
    values = _rows(body["instances"], loaded) if rows else _column(body["inputs"], loaded)
    inputs = {loaded.card.input.name: await _examples(loaded, values)}
    result = await services.inference.infer(loaded, inputs, context_of(request))
    name = "predictions" if rows else "outputs"
    items = await items_of(result.outputs[loaded.card.output.name])
    return Response(f'{{"{name}":[{items}]}}', media_type="application/json")


async def classify(request: Request, model: str) -> Response:
    """Labels with their scores, most likely first, for each of `examples`."""
    services = services_of(request)
    loaded = await _stateless(request, model)
    body = await read_object(request, tensor_limits(services.settings, loaded))
    _check_signature(body)
    examples = body.get("examples")
    if not isinstance(examples, list) or not all(isinstance(example, dict) for example in examples):
        raise InvalidRequest("expected examples: a list of objects with one feature each")
    context = body.get("context")
    if context is not None and not (isinstance(context, dict) and len(context) <= 1):
        raise InvalidRequest("context must be an object with at most the one input")
    values = await _examples(loaded, _rows([{**(context or {}), **example} for example in examples], loaded))
    answers = await services.inference.classify(loaded, values, ClassifyOptions(), context_of(request))
    return JSONResponse({"results": [_scores(answer) for answer in answers]})


def _scores(answer: Classification | InvalidRequest) -> list[list[Any]]:
    """Labels with their scores; raises the error of an example that cannot be read."""
    if isinstance(answer, InvalidRequest):
        raise answer
    return list(map(list, answer.probabilities.items()))


for _path in ("/{model}", "/{model}/versions/{version}", "/{model}/labels/{label}"):
    _name = _path.replace("/", "_").replace("{", "").replace("}", "")
    _extra = path_parameter_docs(_path)
    router.add_api_route(
        f"{_path}/metadata",
        metadata,
        methods=["GET"],
        operation_id=f"tfs_metadata{_name}",
        openapi_extra=_extra,
    )
    router.add_api_route(
        f"{_path}:predict",
        run_predict,
        methods=["POST"],
        operation_id=f"tfs_predict{_name}",
        openapi_extra=_extra | object_documentation("instances", "inputs"),
    )
    router.add_api_route(
        f"{_path}:classify",
        classify,
        methods=["POST"],
        operation_id=f"tfs_classify{_name}",
        openapi_extra=_extra | object_documentation("examples"),
    )
    router.add_api_route(
        without_verb(_path), status, methods=["GET"], operation_id=f"tfs_status{_name}", openapi_extra=_extra
    )


def _check_model(services: Services, model: str) -> None:
    if model not in services.servables.models:
        raise NotFound(f"Servable not found for request: Latest({model[:100]})")


def _states(services: Services, model: str) -> list[dict[str, Any]]:
    _check_model(services, model)
    faults = services.store.faults(model) | services.servables.faults[model]
    sound = [card.version for card in services.store.versions(model) if card.version not in faults]
    states = dict.fromkeys(sound, ("AVAILABLE", "OK", ""))
    states |= {version: ("END", "DATA_LOSS", reason) for version, reason in faults.items()}
    return [
        {"version": str(version), "state": state, "status": {"error_code": code, "error_message": reason}}
        for version, (state, code, reason) in sorted(states.items(), reverse=True)
    ]


async def _loaded(request: Request, model: str) -> LoadedVersion:
    with _not_found(request, model):
        return await services_of(request).inference.resolve(Target(model, reference_in(request)))


async def _stateless(request: Request, model: str) -> LoadedClassifier:
    with _not_found(request, model):
        return await services_of(request).inference.stateless(Target(model, reference_in(request)))


@contextmanager
def _not_found(request: Request, model: str) -> Iterator[None]:
    """Say that a model is not there, or that a version does not load, as TensorFlow Serving does."""
    try:
        yield
    except Damaged as fault:
        raise NotFound(
            f"Servable not found for request: Specific({model}, {reference_in(request)}): {fault}"
        ) from fault
    except NotFound:
        _check_model(services_of(request), model)
        raise


def _check_signature(body: dict[str, Any]) -> None:
    name = body.get("signature_name")
    if name is not None and not (isinstance(name, str) and name in ("", SIGNATURE)):
        raise InvalidRequest(f"signature {name!r} is unknown; there is {SIGNATURE}")


def _rows(instances: Any, loaded: LoadedClassifier) -> list[Any] | Array:
    """The values of rows, each either bare or under the only input's name."""
    if isinstance(instances, np.ndarray):
        return instances
    if not isinstance(instances, list) or not instances:
        raise InvalidRequest("instances must be a list with at least one entry")
    return [_value(instance, loaded) for instance in instances]


def _column(inputs: Any, loaded: LoadedClassifier) -> list[Any] | Array:
    values = _value(inputs, loaded)
    if not isinstance(values, list | np.ndarray) or len(values) == 0:
        raise InvalidRequest("inputs must hold a list with at least one entry")
    return values


def _value(entry: Any, loaded: LoadedClassifier) -> Any:
    """What is under the input's name, or the entry itself."""
    if not isinstance(entry, dict) or BINARY in entry:
        return entry
    name = loaded.card.input.name
    if set(entry) != {name}:
        raise InvalidRequest(f"expected the input {name!r}, got {', '.join(sorted(map(str, entry))) or 'nothing'}")
    return entry[name]


async def _examples(loaded: LoadedClassifier, values: list[Any] | Array) -> Any:
    """Tensors as they are, or encoded pictures."""
    if isinstance(values, np.ndarray) or not all(isinstance(value, dict) for value in values):
        return values
    return await pictures_in(loaded, [value.get(BINARY) for value in values], 'a picture is {"b64": "<base64>"}')


def _tensor_info(tensor: TensorCard) -> dict[str, Any]:
    sides = [{"size": str(side), "name": ""} for side in tensor.shape]
    return {
        "dtype": TYPES[tensor.dtype],
        "tensor_shape": {"dim": sides, "unknown_rank": False},
        "name": f"{SIGNATURE}_{tensor.name}:0",
    }
