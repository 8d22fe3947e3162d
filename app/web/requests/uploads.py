"""Pictures as people send them: a multipart form, the bare file as the body, or base64 in JSON."""

from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.errors import InvalidRequest, UnsupportedMedia
from app.web.requests.base64_text import decode_base64
from app.web.requests.json_body.reading import JsonLimits, read_json
from app.web.requests.multipart import read_parts

FORM = "multipart/form-data"
JSON = "application/json"
RAW = "application/octet-stream"
HINT = (
    "send the picture as multipart/form-data in the field {field!r} (curl -F {field}=@seven.png), "
    "as the body with an image type (curl --data-binary @seven.png -H 'Content-Type: image/png'), "
    'or as JSON {{"image": "<base64>"}}'
)
LONGEST_PREFIX = 200  # characters
MAX_NAMES = 200  # characters of the client's own that a message repeats


def _text(given: Any) -> str | bytearray:
    """A text, or one in a buffer, as a long one comes."""
    if not isinstance(given, str | bytearray):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return given


Base64Text = Annotated[str | bytearray, PlainValidator(_text), WithJsonSchema({"type": "string"})]


class JsonPicture(BaseModel):
    """A picture in JSON."""

    model_config = ConfigDict(extra="forbid")

    image: Base64Text = Field(description="The file as base64, with or without a `data:` prefix as a canvas gives it.")


async def read_one(request: Request, max_parts: int, max_bytes: int, field: str = "file") -> bytes:
    """The one picture that a request carries; raises InvalidRequest, TooLarge or UnsupportedMedia."""
    content_type, media = _media(request)
    if media == FORM:
        files = _files(content_type, await request.body(), field, max_parts)
        if len(files) != 1:
            raise InvalidRequest(
                f"expected one picture in the field {field!r}, got {len(files)}; several go to …/batch"
            )
        return files[0]
    if media == JSON:
        return await _from_json(await read_json(request, JsonLimits(max_bytes, arrays=True)))
    if media.startswith("image/") or media == RAW:
        return await request.body()
    raise UnsupportedMedia(f"cannot read {media or 'a body without a type'!r}: {HINT.format(field=field)}")


async def read_several(request: Request, max_parts: int, field: str = "files") -> list[bytes]:
    """The pictures of a form, in order; raises InvalidRequest, UnsupportedMedia or TooLarge."""
    content_type, media = _media(request)
    if media != FORM:
        raise UnsupportedMedia(f"expected multipart/form-data with pictures in the field {field!r}")
    return _files(content_type, await request.body(), field, max_parts)


def _media(request: Request) -> tuple[str, str]:
    """The content type as it was sent, and its media type alone."""
    content_type = request.headers.get("content-type", "")
    return content_type, content_type.partition(";")[0].strip().lower()


def form_documentation(field: str, *, several: bool, max_files: int, max_bytes: int) -> dict[str, Any]:
    """The OpenAPI request body that `read_one` or `read_several` reads."""
    binary = {"type": "string", "format": "binary", "description": "PNG, JPEG, HEIC, AVIF, WebP, GIF, BMP, TIFF or PPM"}
    content: dict[str, Any] = (
        {"type": "array", "items": binary, "minItems": 1, "maxItems": max_files} if several else binary
    )
    form = {"schema": {"type": "object", "required": [field], "properties": {field: content}}}
    if several:
        return {"required": True, "content": {FORM: form}}
    raw = {"schema": {"type": "string", "format": "binary"}}
    in_json = JsonPicture.model_json_schema()
    in_json["properties"]["image"]["maxLength"] = max_bytes
    return {
        "required": True,
        "content": {
            FORM: form,
            "image/*": raw,
            RAW: raw,
            JSON: {"schema": in_json},
        },
    }


async def _from_json(body: Any) -> bytes:
    try:
        text = JsonPicture.model_validate(body).image
    except ValidationError as fault:
        raise InvalidRequest.of('expected JSON like {"image": "<base64>"}', fault) from fault
    try:
        return await decode_base64(text, _beginning(text))
    except ValueError as fault:
        raise InvalidRequest(f"`image` is not base64: {fault}") from fault


def _beginning(text: str | bytearray) -> int:
    """Where in a text its base64 begins, perhaps behind a `data:` prefix."""
    head = text[:LONGEST_PREFIX]
    prefix = head if isinstance(head, str) else head.decode("ascii")
    return prefix.find(",") + 1 if prefix.startswith("data:") else 0


def _files(content_type: str, body: bytes, field: str, max_parts: int) -> list[bytes]:
    """The contents of the form's parts named `field`, in order; at least one."""
    parts = read_parts(content_type, body, max_parts)
    contents = [content for name, content in parts if name == field]
    if not contents:
        names = ", ".join(repr(name) for name, _ in parts) or "none"
        raise InvalidRequest(f"no part is named {field!r}; parts in the form: {names[:MAX_NAMES]}")
    return contents
