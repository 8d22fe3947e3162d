"""/models: the versions there are, which one is live, and how to change that."""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from app.bootstrap import Services
from app.errors import Conflict, FitserveError, NotFound
from app.jobs.job import Job
from app.logging import log
from app.serving.traffic import Outcome, check_comparable
from app.store.model_store import LIVE, PREVIOUS, SHADOW
from app.store.version import CARD, SAVED_MODEL, Card
from app.submission.training import submit
from app.versions.comparison import Comparison, compare
from app.versions.names import delete_model
from app.web.dependencies import ServicesDep
from app.web.problems import documented
from app.web.requests.json_body.route import JsonRoute
from app.web.requests.whole_numbers import WHOLE_NUMBER

router = APIRouter(prefix="/models", tags=["models"], route_class=JsonRoute)

NAME = "[a-z0-9][a-z0-9_-]{0,31}"
NUMBER = "^[1-9][0-9]{0,8}$"
Alias = Annotated[str, Path(pattern="^[a-z][a-z0-9_-]{0,31}$", description="A name such as `live` or `candidate`.")]

Version = Annotated[str, Path(description="A version number or an alias.", examples=["1", "live"])]
FileName = Annotated[str, Path(examples=["version.json"])]
Weights = Annotated[
    dict[Annotated[str, Field(pattern=NUMBER)], Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]],
    Body(min_length=2, max_length=2, examples=[{"1": 90, "2": 10}], json_schema_extra={"additionalProperties": False}),
]


class VersionSummary(BaseModel):
    """A version of a model."""

    version: int
    created: str
    metrics: dict[str, float]
    hyperparameters: dict[str, object]
    job: str | None
    size: int = Field(description="Total size of its files in bytes.")


class ShadowSummary(BaseModel):
    """The shadow version and the comparison of its answers since this process started shadowing."""

    version: int
    counts: dict[Outcome, int] = Field(
        description="Requests whose labels `agreed` or `differed`, that `failed`, or that were `skipped` under load.",
        examples=[{"agreed": 97, "differed": 3, "failed": 0, "skipped": 12}],
    )


class ModelSummary(BaseModel):
    """A model with its aliases, versions and faults."""

    model: str
    family: str
    built_in: bool = Field(description="Whether the model comes with its family; other models can be deleted.")
    serving: int | None = Field(description="The version that serves requests now.")
    traffic: dict[int, float] = Field(description="Traffic weights by version.")
    shadow: ShadowSummary | None
    aliases: dict[str, int] = Field(examples=[{"live": 3, "previous": 2}])
    versions: list[VersionSummary]
    faults: dict[int, str] = Field(description="Versions that cannot be served, with the reason.")


class AliasTarget(BaseModel):
    """The version that an alias points to."""

    model_config = ConfigDict(strict=True)

    version: Annotated[int, Field(ge=1), WHOLE_NUMBER] = Field(examples=[3])


@router.get("", operation_id="list_models")
def list_models(services: ServicesDep) -> list[ModelSummary]:
    """List all models, including those without a version."""
    summaries = []
    for model in services.servables.models:
        with suppress(NotFound):  # deleted just now
            summaries.append(_summary(services, model))
    return summaries


@router.get("/{model}", operation_id="get_model", responses=documented(404))
def get_model(services: ServicesDep, model: str) -> ModelSummary:
    """Get a model."""
    return _summary(services, known(services, model))


@router.delete("/{model}", status_code=204, operation_id="delete_model", responses=documented(404, 409))
async def remove_model(services: ServicesDep, model: str) -> None:
    """Delete a model that a user named, with all its versions, permanently. Predictions under way end on their version.
    Rejected for a built-in model, and while a job or a sweep of the model is under way.
    """
    await run_in_threadpool(delete_model, services.store, services.journal.database, known(services, model))
    await _followed(services, model)


@router.get("/{model}/compare", operation_id="compare_versions", responses=documented(404, 409, 422))
def compare_versions(
    services: ServicesDep,
    model: str,
    versions: Annotated[
        str,
        Query(
            pattern=f"^{NAME},{NAME}$",
            max_length=65,
            description="Two versions or aliases.",
            examples=["live,previous"],
        ),
    ],
) -> Comparison:
    """Compare two versions on the test set: metrics, confusion matrices and differing predictions."""
    known(services, model)
    one, other = (services.store.resolve(model, reference) for reference in versions.split(","))
    return compare(services.store, model, one, other)


@router.get("/{model}/versions/{version}", operation_id="get_version", responses=documented(404, 409))
def get_version(services: ServicesDep, model: str, version: Version) -> Card:
    """Get the card of a version by number or alias."""
    return services.store.card(known(services, model), services.store.resolve(model, version))


@router.get(
    "/{model}/versions/{version}/files/{name:path}",
    operation_id="get_file",
    responses=documented(404, 409),
    response_class=FileResponse,
)
def get_file(services: ServicesDep, model: str, version: Version, name: FileName) -> FileResponse:
    """Download a file of a version: model.onnx, model.keras, evaluation.json, history.png, version.json; of classifiers
    confusion.png and guesses.npy, of a text generator vocabulary.json; of a SavedModel saved_model.pb and variables/.
    """
    card = services.store.card(known(services, model), services.store.resolve(model, version))
    if name not in (*card.files, CARD):  # never a path of the client's making
        raise NotFound(
            f"version {card.version} of {model} has no file {name!r}; files: {', '.join(sorted(card.files))}"
        )
    shown = f"{model}-{card.version}-{name.replace('/', '-')}"
    return FileResponse(services.store.folder(model, card.version) / name, filename=shown)


@router.put("/{model}/aliases/{alias}", operation_id="set_alias", responses=documented(404, 409, 422))
async def set_alias(services: ServicesDep, model: str, alias: Alias, target: AliasTarget) -> ModelSummary:
    """Point an alias to a version. Moving `live` promotes: the new version is loaded and warmed up before it replaces
    the old one. The version under `shadow` receives the same requests, and its answers are only compared; `shadow` in
    the model's summary and /metrics count agreement.
    """
    known(services, model)
    if alias in (LIVE, SHADOW):
        loaded = await services.servables.get(model, str(target.version), reinstate=alias == LIVE)
        if alias == SHADOW:
            check_comparable(services.servables.live(model).card, loaded.card)
    return await _moved(services, model, lambda: services.store.set_alias(model, alias, target.version))


@router.delete("/{model}/aliases/{alias}", operation_id="remove_alias", responses=documented(404, 409, 422))
async def remove_alias(services: ServicesDep, model: str, alias: Alias) -> ModelSummary:
    """Delete an alias. Deleting `shadow` stops shadowing; `live` cannot be deleted."""
    known(services, model)
    return await _moved(services, model, lambda: services.store.remove_alias(model, alias))


@router.put("/{model}/traffic", operation_id="split_traffic", responses=documented(404, 409, 422))
async def split_traffic(services: ServicesDep, model: str, weights: Weights) -> ModelSummary:
    """Split the requests that name no version between two versions by weight, for example `{"1": 90, "2": 10}`. Each
    response states its version. Moving `live` ends the split.
    """
    known(services, model)
    for version in weights:
        await services.servables.get(model, version)
    chosen = {int(version): weight for version, weight in weights.items()}
    return await _moved(services, model, lambda: services.store.set_split(model, chosen))


@router.delete("/{model}/traffic", operation_id="end_split", responses=documented(404, 409))
async def end_split(services: ServicesDep, model: str) -> ModelSummary:
    """End the traffic split: the live version serves all requests again."""
    known(services, model)
    return await _moved(services, model, lambda: services.store.end_split(model))


@router.post("/{model}/rollback", operation_id="roll_back", responses=documented(404, 409))
async def roll_back(services: ServicesDep, model: str) -> ModelSummary:
    """Make the previous version live again."""
    await services.servables.get(known(services, model), PREVIOUS)
    return await _moved(services, model, lambda: services.store.rollback(model))


@router.delete(
    "/{model}/versions/{version}", status_code=204, operation_id="delete_version", responses=documented(404, 409)
)
async def delete_version(services: ServicesDep, model: str, version: int) -> None:
    """Delete a version permanently. Rejected while an alias points to it."""
    await run_in_threadpool(services.store.delete, known(services, model), version)
    await _followed(services, model)


@router.post(
    "/{model}/versions/{version}/reproduce",
    status_code=202,
    operation_id="reproduce_version",
    responses=documented(404, 409, 429),
)
async def reproduce(services: ServicesDep, response: Response, model: str, version: Version) -> Job:
    """Train a version again with the hyperparameters and seed in its card. The result is not promoted."""
    card = await run_in_threadpool(get_version, services, model, version)
    if card.data is None:
        raise Conflict(f"version {card.version} of {model} was imported, not trained here: it cannot be trained again")
    job, *_ = await run_in_threadpool(
        submit,
        services.servables.family_of(model),
        card.hyperparameters,
        "never",
        model=model,
        store=services.store,
        formats=("savedmodel",) if SAVED_MODEL in card.files else (),
        journal=services.journal,
        datasets=services.datasets,
        max_queued=services.settings.max_queued,
        max_models=services.settings.max_models,
    )
    services.supervisor.wake()
    response.headers["Location"] = f"/jobs/{job.id}"
    return job


async def _moved(services: Services, model: str, move: Callable[[], object]) -> ModelSummary:
    """Move an alias, serve what `live` then means, and say how things stand."""
    await run_in_threadpool(move)
    await _followed(services, model)
    return await run_in_threadpool(_summary, services, model)


async def _followed(services: Services, model: str) -> None:
    """Serve what the store says now. It has changed: what hinders this is no reason to call that failed."""
    try:
        await services.servables.refresh(model)
    except (FitserveError, OSError) as fault:
        log.warning("%s is followed with the next look: %s", model, fault)


def known(services: Services, model: str) -> str:
    """The name of a model that there is; raises NotFound."""
    services.servables.family_of(model)
    return model


def _summary(services: Services, model: str) -> ModelSummary:
    store, servables = services.store, services.servables
    serving, traffic = servables.serving(model), servables.traffic(model)
    shadow = traffic.shadow
    return ModelSummary(
        model=model,
        family=servables.family_of(model).name,
        built_in=model in servables.family_of(model).built_in_models,
        serving=serving,
        traffic=dict(traffic.weights) or ({serving: 100.0} if serving else {}),
        shadow=shadow and ShadowSummary(version=shadow.loaded.card.version, counts=shadow.counts),
        aliases=store.aliases(model),
        versions=[
            VersionSummary(**card.model_dump(include=set(VersionSummary.model_fields)) | {"size": card.size})
            for card in store.versions(model)
        ],
        faults=dict(sorted((store.faults(model) | servables.faults[model]).items())),
    )
