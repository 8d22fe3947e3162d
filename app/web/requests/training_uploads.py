"""A file to learn from, uploaded in a form: written to disk as it comes, refused at the first byte that is wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ValidationError

from app.datasets.datasets import Datasets
from app.errors import InvalidRequest
from app.families.contract import Upload, UploadCheck
from app.web.requests.multipart_stream import FILE, FORM, stream_form

LISTS = ("formats",)  # fields of several words, which a form has with commas between


@asynccontextmanager
async def receive_upload(
    request: Request, datasets: Datasets, request_model: type[BaseModel], upload: Upload
) -> AsyncIterator[tuple[dict[str, Any], Path | None]]:
    """The hyperparameters in a form, and its file, in which `upload` has found no fault: `upload.field` names it as it
    will be when it is kept. Who does not keep it within this leaves nothing behind.

    Raises InvalidRequest or TooLarge.
    """
    partial = datasets.partial()
    try:
        with partial.open("wb") as file:
            arriving = _Arriving(file, upload.arriving())
            fields, uploaded = await stream_form(request, arriving.write, arriving.end)
        chosen = _validated(request_model, fields)
        if uploaded:
            if rivals := set(upload.sources) & set(chosen):
                raise InvalidRequest(f"a file and `{rivals.pop()}` exclude each other: send only one of them")
            await run_in_threadpool(upload.check, partial)
            chosen[upload.field] = await run_in_threadpool(datasets.name_of, partial)
        yield chosen, partial if uploaded else None
    finally:
        await asyncio.to_thread(partial.unlink, missing_ok=True)  # of a large file it takes a while


def _validated(request_model: type[BaseModel], fields: dict[str, str]) -> dict[str, Any]:
    lists = {name: fields[name].split(",") for name in LISTS if name in fields}
    try:
        return request_model.model_validate(fields | lists, strict=False).model_dump(exclude_unset=True)
    except ValidationError as fault:
        raise InvalidRequest.of("invalid hyperparameters", fault) from fault


class _Arriving:
    """Writes what comes to a file; raises InvalidRequest as soon as it is wrong."""

    def __init__(self, file: BinaryIO, check: UploadCheck) -> None:
        self._file = file
        self._check = check

    def write(self, content: bytes) -> None:
        """Check and write what comes next."""
        self._check.add(content)
        self._file.write(content)

    def end(self) -> None:
        """Check that nothing is cut off."""
        self._check.add(b"", final=True)


def upload_documentation(request_model: type[BaseModel], upload: Upload) -> dict[str, Any]:
    """The OpenAPI of the form that `receive_upload` reads."""
    schema = request_model.model_json_schema(ref_template="#/components/schemas/{model}")
    file = {"type": "string", "format": "binary", "description": upload.description}
    form = {"type": "object", "properties": {FILE: file, **schema["properties"]}}
    return {"requestBody": {"content": {FORM: {"schema": form}}}}
