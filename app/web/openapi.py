"""The OpenAPI document, with the routes of every model that the store has now, and the errors of any request."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI

from app.families.contract import Family
from app.web.middleware.authentication import declare_security

TEMPLATED = re.compile(r"^/predict/{model}")


def describe_models(app: FastAPI, models_now: Callable[[], Mapping[str, Family]]) -> None:
    """Have the application describe the models that there are at the moment of asking."""
    general = app.openapi
    documents: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}

    def describe() -> dict[str, Any]:
        models = models_now()
        named = tuple((model, family.name) for model, family in models.items())
        if named not in documents:
            documents.clear()  # of the models that there were before
            documents[named] = declare_security(_for_models(general(), models))
        return documents[named]

    app.openapi = describe  # type: ignore[method-assign]


def _for_models(document: dict[str, Any], models: Mapping[str, Family]) -> dict[str, Any]:
    """A copy with one path for each model that classifies."""
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        if not TEMPLATED.match(path):
            paths[path] = item
            continue
        for model, family in models.items():
            if family.task == "classify":
                paths[path.replace("{model}", model)] = _filled(item, model, family.title)
    return json.loads(json.dumps({**document, "paths": paths}))  # type: ignore[no-any-return]


def _filled(item: dict[str, Any], model: str, title: str) -> dict[str, Any]:
    """The operations of a path whose parameter `model` has this value."""
    filled = {}
    for method, operation in item.items():
        parameters = [one for one in operation.get("parameters", []) if (one["in"], one["name"]) != ("path", "model")]
        operation_id = operation["operationId"].replace("{model}", re.sub(r"\W", "_", model))
        summary = operation["summary"].replace("{title}", title)
        filled[method] = {**operation, "parameters": parameters, "operationId": operation_id, "summary": summary}
    return filled
