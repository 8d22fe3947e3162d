"""Pictures as people send them: a multipart form, the bare file as the body, or base64 in JSON."""

import base64
import binascii
from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import InvalidRequest, TooLarge, UnsupportedMedia

FORM = b"multipart/form-data"
RAW = (b"image/", b"application/octet-stream")
HINT = (
    "send the picture as multipart/form-data in the field {field!r} (curl -F {field}=@seven.png), "
    "as the body with an image type (curl --data-binary @seven.png -H 'Content-Type: image/png'), "
    'or as JSON {{"image": "<base64>"}}'
)
MAX_FIELD_NAME = 200


class JsonPicture(BaseModel):
    """A picture in JSON."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(description="The file as base64, with or without a `data:` prefix as a canvas gives it.")


async def read_one(request: Request, field: str = "file") -> bytes:
    """The one picture that a request carries; raises InvalidRequest or UnsupportedMedia."""
    kind = request.headers.get("content-type", "").encode("latin-1")
    if kind.startswith(FORM):
        files = _parts(kind, await request.body(), field)
        if len(files) != 1:
            raise InvalidRequest(
                f"expected one picture in the field {field!r}, got {len(files)}; several go to …/batch"
            )
        return files[0]
    if kind.startswith(b"application/json"):
        return _from_json(await request.body())
    if kind.startswith(RAW):
        return await request.body()
    raise UnsupportedMedia(
        f"cannot read {kind.decode('latin-1') or 'a body without a type'!r}: " + HINT.format(field=field)
    )


async def read_several(request: Request, max_files: int, field: str = "files") -> list[bytes]:
    """The pictures of a form, in order; raises InvalidRequest, UnsupportedMedia or TooLarge."""
    kind = request.headers.get("content-type", "").encode("latin-1")
    if not kind.startswith(FORM):
        raise UnsupportedMedia(f"expected multipart/form-data with pictures in the field {field!r}")
    files = _parts(kind, await request.body(), field)
    if len(files) > max_files:
        raise TooLarge(f"{len(files)} pictures; at most {max_files} are accepted at once")
    return files


def form_documentation(field: str, *, several: bool) -> dict[str, Any]:
    """The OpenAPI request body that `read_one` or `read_several` reads."""
    binary = {"type": "string", "format": "binary", "description": "PNG, JPEG, WebP, GIF, BMP or TIFF"}
    content: dict[str, Any] = {"type": "array", "items": binary} if several else binary
    form = {"schema": {"type": "object", "required": [field], "properties": {field: content}}}
    if several:
        return {"required": True, "content": {"multipart/form-data": form}}
    raw = {"schema": {"type": "string", "format": "binary"}}
    return {
        "required": True,
        "content": {
            "multipart/form-data": form,
            "image/*": raw,
            "application/octet-stream": raw,
            "application/json": {"schema": JsonPicture.model_json_schema()},
        },
    }


def _from_json(body: bytes) -> bytes:
    try:
        text = JsonPicture.model_validate_json(body).image
    except ValidationError as fault:
        details = fault.errors(include_url=False, include_context=False)
        raise InvalidRequest('expected JSON like {"image": "<base64>"}', details) from fault
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise InvalidRequest(f"`image` is not base64: {fault}") from fault


def _parts(kind: bytes, body: bytes, field: str) -> list[bytes]:
    """The contents of the form's parts named `field`, in order."""
    boundary = parse_options_header(kind)[1].get(b"boundary")
    if not boundary:
        raise InvalidRequest("multipart/form-data without a boundary: " + HINT.format(field=field))
    form = _Form()
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as fault:
        raise InvalidRequest(f"the form cannot be read: {fault}") from fault
    if not form.ended:
        raise InvalidRequest("the form is cut off: its last boundary is missing")
    contents = [content for name, content in form.parts if name == field]
    if not contents:
        names = ", ".join(repr(name) for name, _ in form.parts) or "none"
        raise InvalidRequest(f"no part is named {field!r}; parts in the form: {names[:MAX_FIELD_NAME]}")
    return contents


class _Form:
    """Collects what the parser finds: parts as (name, content)."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, bytes]] = []
        self.ended = False
        self._content = bytearray()
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._content = bytearray()
        self._disposition = b""

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _part_end(self) -> None:
        name = parse_options_header(self._disposition)[1].get(b"name", b"")
        self.parts.append((name.decode(errors="replace"), bytes(self._content)))

    def _end(self) -> None:
        self.ended = True
