"""Whatever a client may send has a bound: every text, list and map of a request, by the document that describes it."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

BOUNDS = {"string": ("maxLength", "enum", "const"), "array": ("maxItems",)}
BINARY = "binary"  # the bytes of a file, bounded by the settings for bodies


@pytest.fixture(scope="module")
def document(unchanged: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = unchanged.get("/openapi.json").json()
    return found


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def parts(document: dict[str, Any], schema: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A schema and all within it, each with where it is."""
    schema = resolved(document, schema)
    yield place, schema
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for one in schema.get(key, ()):
            yield from parts(document, one, place)
    for name, one in schema.get("properties", {}).items():
        yield from parts(document, one, f"{place}.{name}")
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from parts(document, schema[key], f"{place}.{key}")


def requested(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of what a client sends, but for addresses, which the limit of heads bounds."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            place = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", ()):
                if parameter["in"] != "path":
                    yield from parts(document, parameter["schema"], f"{place} {parameter['name']}")
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                yield from parts(document, content["schema"], f"{place} {kind}")


def is_bounded(schema: dict[str, Any]) -> bool:
    kind = schema.get("type")
    if kind == "object":
        open_map = isinstance(schema.get("additionalProperties"), dict) or schema.get("additionalProperties") is True
        return not open_map or "maxProperties" in schema
    if kind == "string" and schema.get("format") == BINARY:
        return True
    return kind not in BOUNDS or any(bound in schema for bound in BOUNDS[kind])


def test_every_text_list_and_map_of_a_request_has_a_bound(document: dict[str, Any]):
    seen = list(requested(document))
    assert len(seen) > 100
    assert [place for place, schema in seen if not is_bounded(schema)] == []


def test_the_walk_finds_what_has_no_bound():
    schema = {"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "b": {"type": "array"}}}
    open_map = {"type": "object", "additionalProperties": {"type": "integer"}}
    document = {"paths": {"/x": {"post": {"requestBody": {"content": {"json": {"schema": schema}}}}}}}
    assert [place for place, one in requested(document) if not is_bounded(one)] == ["POST /x json.a", "POST /x json.b"]
    assert not is_bounded(open_map)
