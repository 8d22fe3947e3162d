"""POST /models/{model}/import: a network from elsewhere becomes a version."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.bootstrap import Services
from app.errors import Busy, Conflict, Damaged, InvalidRequest, Runaway, UnsupportedMedia
from app.imports import client
from app.store.model_store import LIVE
from app.store.version import Card
from app.web.dependencies import ServicesDep
from app.web.problems import documented
from app.web.requests.multipart_stream import FILE, FORM, stream_form
from app.web.routes.models import known

router = APIRouter(prefix="/models", tags=["models"])

PATHS = "/models/[^/]+/import"  # where the networks of each model are brought to
LONG = 10.0  # seconds after which another import may find room

Like = Annotated[
    str,
    Query(max_length=64, description="The version or alias whose inputs, outputs and labels the file must match."),
]


def _documentation() -> dict[str, Any]:
    file = {"type": "string", "format": "binary", "description": "A .keras or an .onnx file."}
    schema = {"type": "object", "required": [FILE], "properties": {FILE: file}}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


@router.post(
    "/{model}/import",
    status_code=201,
    operation_id="import_version",
    responses=documented(404, 409, 413, 415, 422, 429),
    openapi_extra=_documentation(),
)
async def import_version(
    services: ServicesDep, request: Request, response: Response, model: str, like: Like = LIVE
) -> Card:
    """Import a .keras or .onnx file as a version of this model, with the labels or vocabulary of the version `like`.

    The file is read, tested and later served in a separate process. Its inputs and outputs must have the same types and
    shapes, and classifiers must output probabilities with the labels in the same order. The version gets no alias and
    no metrics: test it with `?version=`, as the alias `shadow` or with part of the traffic, then promote it.
    """
    known(services, model)
    if not request.headers.get("content-type", "").startswith(FORM):
        raise UnsupportedMedia(f"expected {FORM} with the file in the field {FILE!r} (curl -F {FILE}=@model.keras)")
    if request.app.state.importing:
        raise Busy("another file is being imported", retry_after=LONG)
    request.app.state.importing = True
    try:
        async with client.import_session(services.store) as session:
            await _receive_file(request, session.path)
            candidate = await _try_out(services, session, model, like)
            card = await run_in_threadpool(candidate.publish, services.store)
    finally:
        request.app.state.importing = False
    response.headers["Location"] = f"/models/{model}/versions/{card.version}"
    return card


async def _try_out(services: Services, session: client.ImportSession, model: str, like: str) -> client.Candidate:
    """What can be published, as it runs in a process of its own and would run here."""
    candidate = await session.try_out(services.settings, model, like)
    try:
        await services.servables.try_out(candidate.card, candidate.folder)
    except (Conflict, Damaged, Runaway) as fault:
        raise InvalidRequest(f"the network does not run here: {fault}") from fault
    return candidate


async def _receive_file(request: Request, path: Path) -> None:
    with path.open("wb") as file:
        _, uploaded = await stream_form(request, file.write)
    if not uploaded:
        raise InvalidRequest(f"no part is named {FILE!r}: send the .keras or .onnx file in it")
