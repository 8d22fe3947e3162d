"""Writes what a machine makes of the JavaScript client: its types, from the OpenAPI document, and its code's copy."""

import json
from pathlib import Path
from typing import Any

from app.settings import Settings
from app.web.app import create_app
from app.web.routes.page import STATIC

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "js"
SIMPLE = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}
HEAD = "// Made from the OpenAPI document by `make client`. Not to be edited.\n"


def made() -> dict[str, str]:
    """The files of the package that are made, by name."""
    schemas = create_app(Settings()).openapi()["components"]["schemas"]
    types = "\n".join([HEAD, *(_declaration(name, schemas[name]) for name in sorted(schemas))])
    return {"types.d.ts": types, "fitserve.js": (STATIC / "fitserve.js").read_text()}


def _declaration(name: str, schema: dict[str, Any]) -> str:
    comment = _comment(schema, "")
    if "properties" not in schema:
        return f"{comment}export type {name} = {_type(schema)};\n"
    required = schema.get("required", ())
    lines = [
        f"{_comment(whole, '  ')}  {json.dumps(key)}{'' if key in required else '?'}: {_type(whole)};"
        for key, whole in schema["properties"].items()
    ]
    return "\n".join([f"{comment}export interface {name} {{", *lines, "}\n"])


def _comment(schema: dict[str, Any], indent: str) -> str:
    text = " ".join(schema.get("description", "").split())
    return f"{indent}/** {text} */\n" if text else ""


def _type(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": str(target)}:
            return target.rpartition("/")[2]
        case {"enum": choices}:
            return " | ".join(json.dumps(choice) for choice in choices)
        case {"const": value}:
            return json.dumps(value)
        case {"anyOf": options} | {"oneOf": options}:
            return " | ".join(dict.fromkeys(map(_type, options)))
        case {"type": "array", "prefixItems": items}:
            return f"[{', '.join(map(_type, items))}]"
        case {"type": "array", "items": items}:
            return f"Array<{_type(items)}>"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"Record<string, {_type(values)}>"
        case {"type": "object"}:
            return "Record<string, unknown>"
        case {"type": str(simple)}:
            return SIMPLE.get(simple, "unknown")
    return "unknown"


if __name__ == "__main__":
    for file, content in made().items():
        (CLIENT / file).write_text(content)
