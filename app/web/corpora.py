"""A text to learn from, uploaded in a form: written to disk as it comes, refused at the first byte that is no text."""

import codecs
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import InvalidRequest, TooLarge
from app.training.datasets import Datasets

FORM = "multipart/form-data"
FILE = "file"
MAX_FIELD_BYTES = 1_000_000  # of a hyperparameter
MAX_FIELDS = 64
LISTS = ("formats",)  # fields of several words, which a form has with commas between


async def receive(
    request: Request, datasets: Datasets, wishes: type[BaseModel], check: Callable[[Path], None]
) -> dict[str, Any]:
    """The hyperparameters in a form, its file, if `check` finds no fault, kept as their corpus.

    Raises InvalidRequest or TooLarge.
    """
    partial = datasets.partial()
    try:
        with partial.open("wb") as file:
            fields, uploaded = await _read(request, file)
        chosen = _validated(wishes, fields)
        if uploaded:
            if rivals := {"text", "corpus"} & set(chosen):
                raise InvalidRequest(f"a file and `{rivals.pop()}` are both given; one of them is the corpus")
            await run_in_threadpool(check, partial)
            chosen["corpus"] = await run_in_threadpool(datasets.adopt, partial)
        return chosen
    finally:
        partial.unlink(missing_ok=True)


async def _read(request: Request, file: BinaryIO) -> tuple[dict[str, str], bool]:
    """The form's fields, and whether there was a file, whose content is written to `file`."""
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary")
    if not boundary:
        raise InvalidRequest("multipart/form-data without a boundary")
    form = _Form(file)
    parser = MultipartParser(boundary, form.callbacks())
    try:
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except FormParserError as fault:
        raise InvalidRequest(f"the form cannot be read: {fault}") from fault
    if not form.ended:
        raise InvalidRequest("the form is cut off: its last boundary is missing")
    return {name: _text(name, content) for name, content in form.fields.items()}, form.uploaded


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{name[:40]!r} is not UTF-8") from None


def _validated(wishes: type[BaseModel], fields: dict[str, str]) -> dict[str, Any]:
    lists = {name: fields[name].split(",") for name in LISTS if name in fields}
    try:
        return wishes.model_validate(fields | lists).model_dump(exclude_unset=True)
    except ValidationError as fault:
        details = fault.errors(include_url=False, include_context=False)
        raise InvalidRequest("these hyperparameters do not fit", details) from fault


class _Form:
    """Collects the fields that the parser finds, and writes the file."""

    def __init__(self, file: BinaryIO) -> None:
        self.fields: dict[str, bytes] = {}
        self.uploaded = self.ended = False
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._name = ""
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""

    def callbacks(self) -> Any:
        """What the parser calls, by its names."""
        return {
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _begin(self) -> None:
        self._name = parse_options_header(self._disposition)[1].get(b"name", b"").decode(errors="replace")
        self._disposition = b""
        if self._name == FILE:
            if self.uploaded:
                raise InvalidRequest(f"one text is learned at a time; there are several parts named {FILE!r}")
            self.uploaded = True
        elif len(self.fields) == MAX_FIELDS:
            raise TooLarge(f"the form has more than {MAX_FIELDS} fields")
        else:
            self.fields[self._name] = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        content = data[start:end]
        if self._name != FILE:
            self.fields[self._name] += content
            if len(self.fields[self._name]) > MAX_FIELD_BYTES:
                raise TooLarge(f"{self._name[:40]!r} is longer than {MAX_FIELD_BYTES} bytes; send a text as {FILE!r}")
            return
        self._check(content)
        self._file.write(content)

    def _check(self, content: bytes, *, final: bool = False) -> None:
        """Refuse what is no text as soon as it shows."""
        try:
            self._decoder.decode(content, final)
        except UnicodeDecodeError:
            raise InvalidRequest("the file is not UTF-8; expected plain text") from None
        if b"\0" in content:
            raise InvalidRequest("the file holds zero bytes, as binary files do; expected plain text")

    def _part_end(self) -> None:
        if self._name == FILE:
            self._check(b"", final=True)

    def _end(self) -> None:
        self.ended = True


def corpus_documentation(wishes: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI of the form that `receive` reads."""
    schema = wishes.model_json_schema(ref_template="#/components/schemas/{model}")
    file = {"type": "string", "format": "binary", "description": "The corpus: plain text in UTF-8."}
    form = {"type": "object", "properties": {FILE: file, **schema["properties"]}}
    return {"requestBody": {"content": {FORM: {"schema": form}}}}
