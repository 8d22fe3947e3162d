"""POST /train/{family}: ask for a training in the background."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, create_model

from app.errors import InvalidRequest
from app.families.contract import Family, Upload, at_most
from app.jobs.job import Format, Job, Promote
from app.settings import Settings
from app.submission.training import submit
from app.versions.names import LONGEST_NAME, PATTERN
from app.web.dependencies import MAX_KEY, IdempotencyKey, idempotency, services_of
from app.web.problems import documented
from app.web.requests.json_body.reading import JsonLimits
from app.web.requests.json_body.route import JsonRoute
from app.web.requests.multipart_stream import FORM
from app.web.requests.training_uploads import receive_upload, upload_documentation

MOST_FORMATS = 8  # named in one request, the same one perhaps twice


class JobGroup(Job):
    """The first of several jobs, with the list of all."""

    jobs: list[Job] = Field(description="All queued jobs, starting with this one.")


def train_path(family: Family) -> str:
    """Where a family's trainings are asked for."""
    return f"/train/{family.name}"


def train_router(family: Family) -> APIRouter:
    """The route of one family, with its hyperparameters as the body; who takes an upload takes a form too."""
    route = _upload_route(family, family.upload) if family.upload else JsonRoute
    router = APIRouter(tags=["train"], route_class=route)
    request_model: Any = _request_model(family)
    examples: Any = {
        "defaults": {"summary": "All defaults", "value": {}},
        "sample": {"summary": "Seconds, and no download", "value": dict(family.sample)},
    }

    @router.post(
        train_path(family),
        status_code=202,
        summary=f"Train: {family.title}",
        operation_id=f"train_{family.name}",
        response_model=JobGroup | Job if family.upload else Job,
        responses=documented(409, 413, 422, 429),
        openapi_extra=upload_documentation(request_model, family.upload) if family.upload else None,
    )
    async def train(
        request: Request,
        response: Response,
        body: Annotated[request_model | None, Body(openapi_examples=examples)] = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Job:
        """Queue a training. Predictions continue meanwhile; a better version is promoted automatically."""
        chosen = (body or request_model()).model_dump(exclude_unset=True)
        job = await _queue(request, family, chosen, idempotency_key)
        response.headers["Location"] = f"/jobs/{job.id}"
        return job

    return router


async def _queue(
    request: Request, family: Family, chosen: dict[str, Any], key: str | None, uploaded_file: Path | None = None
) -> Job:
    """Queue what was chosen, with the file that came along; returns the job, or the first of several with all."""
    jobs = await run_in_threadpool(_submit, request, family, chosen, key, uploaded_file)
    services = services_of(request)
    services.supervisor.wake()
    return jobs[0] if len(jobs) == 1 else JobGroup(**jobs[0].model_dump(), jobs=jobs)


def _submit(
    request: Request, family: Family, chosen: dict[str, Any], key: str | None, uploaded_file: Path | None
) -> list[Job]:
    services = services_of(request)
    idempotency_key, idempotency_body = idempotency(request, key, chosen)
    promote, priority = chosen.pop("promote", "if_better"), chosen.pop("priority", 0)
    formats, model = chosen.pop("formats", ()), chosen.pop("model", None)
    return submit(
        family,
        chosen,
        promote,
        priority,
        model=model,
        formats=formats,
        store=services.store,
        journal=services.journal,
        datasets=services.datasets,
        max_queued=services.settings.max_queued,
        max_models=services.settings.max_models,
        idempotency_key=idempotency_key,
        idempotency_body=idempotency_body,
        uploaded_file=uploaded_file,
    )


def _upload_route(family: Family, upload: Upload) -> type[JsonRoute]:
    """A route that reads a form by itself, so that a file is on disk and never whole in memory."""
    request_model = _request_model(family)

    class UploadRoute(JsonRoute):
        @staticmethod
        def json_limits(settings: Settings) -> JsonLimits:
            """A text in JSON may be as long as any body."""
            return JsonLimits(settings.max_body_bytes)

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """FastAPI asks for this once, when the route is made."""
            resolving = super().get_route_handler()

            async def handle(request: Request) -> Response:
                if not request.headers.get("content-type", "").startswith(FORM):
                    return await resolving(request)
                services = services_of(request)
                key = request.headers.get("idempotency-key", "")
                if len(key) > MAX_KEY:
                    raise InvalidRequest(f"an Idempotency-Key has at most {MAX_KEY} characters")
                async with receive_upload(request, services.datasets, request_model, upload) as (chosen, uploaded_file):
                    job = await _queue(request, family, chosen, key, uploaded_file)
                headers = {"Location": f"/jobs/{job.id}"}
                return Response(job.model_dump_json(), 202, headers, "application/json")

            return handle

    return UploadRoute


def _request_model(family: Family) -> type[BaseModel]:
    """The family's hyperparameters and what to do with the version that comes out."""
    promote = Field("if_better", description="When to promote the new version: `if_better`, `always` or `never`.")
    priority = Field(0, ge=-100, le=100, description="Jobs with a higher priority start first.")
    formats = Field(
        (),
        max_length=MOST_FORMATS,
        strict=False,
        description="Export formats besides ONNX and Keras. `savedmodel` is for TensorFlow Serving and GPUs.",
    )
    name = Field(
        None,
        max_length=LONGEST_NAME,
        pattern=f"^{PATTERN}$",
        description="The name of a model of your own, a new one or one that is there: what is trained is a version of "
        f"it, and is served under that name. By default {' or '.join(family.built_in_models)}.",
        examples=["my-diary"],
    )
    named: dict[str, Any] = {"model": (str | None, name)} if family.users_name_models else {}
    return create_model(
        f"Train_{family.name}",
        __base__=family.hyperparameters,
        **named,
        promote=(Promote, promote),
        priority=(int, priority),
        formats=(Annotated[tuple[Format, ...], at_most(MOST_FORMATS)], formats),
    )
