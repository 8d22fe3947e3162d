"""Where a protocol has its models: at an address of their own, and with a version or a label behind it."""

import re
from typing import Any

from fastapi import Request
from starlette.convertors import StringConvertor, register_url_convertor

EXAMPLES = {"version": "1", "label": "live"}
REFERENCE = re.compile("{(version|label)}")


class Word(StringConvertor):
    """A name in an address, without the colon that a verb stands behind."""

    regex = "[^/:]+"


register_url_convertor("word", Word())


def without_verb(path: str) -> str:
    """The same address, which does not fit those that end with a verb."""
    return re.sub(r"{(\w+)}", r"{\1:word}", path)


def reference_in(request: Request) -> str | None:
    """The version or the alias that the address names; None for the live one."""
    reference: str | None = request.path_params.get("version", request.path_params.get("label"))
    return reference


def path_parameter_docs(path: str) -> dict[str, Any]:
    """The OpenAPI of what `reference_in` reads from such an address."""
    schema = {"type": "string", "minLength": 1}
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": schema, "example": EXAMPLES[name]}
            for name in REFERENCE.findall(path)
        ]
    }
