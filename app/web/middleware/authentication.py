"""Who may do what: keys and their scopes, and without keys nobody but this machine."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from app import keys
from app.addresses import is_local
from app.errors import Forbidden, Unauthorised, Unavailable
from app.settings import Settings
from app.web.middleware.http import HttpMiddleware
from app.web.middleware.origins import READING, browser_headers, check_host, check_page, is_link
from app.web.problems import documented, send_problem

OPEN = re.compile(r"/|/health/(live|ready)|/docs(/.*)?|/openapi\.json|/static/.*|/favicon\.ico")  # no secret in these
TRAINING = re.compile(r"/(train|jobs|sweeps)(/.*)?|/models/[^/]+/versions/[^/]+/reproduce")
PREDICTING = re.compile(r"/(predict|v1|v2)/.*|/generate")
HEALTH = "/health/"

SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def required_scope(method: str, path: str) -> keys.Scope | None:
    """What a key needs for a request; None where none is needed. What nobody thought of needs `admin`."""
    if OPEN.fullmatch(path):
        return None
    if TRAINING.fullmatch(path):
        return keys.Scope.TRAIN
    if _changes_nothing(method, path):
        return keys.Scope.PREDICT
    return keys.Scope.ADMIN


class Authentication(HttpMiddleware):
    """Middleware: from where, by which name, from whose page and with which key something may be asked.

    With a keyring, every request but the open ones needs a key of the right scope. Without one, only clients of this
    machine are served, unless `allow_unauthenticated`, and the host that is named must be this machine or an allowed
    one. Probes name what they like. The name of the key is left in the scope for those who come after.
    """

    def __init__(self, app: ASGIApp, keyring: keys.Keyring | None, settings: Settings) -> None:
        super().__init__(app)
        self._keyring = keyring
        self._allow_unauthenticated = settings.allow_unauthenticated
        self._hosts = settings.hosts
        self._origins = settings.origins

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass; refuse the rest before its body is read."""
        try:
            self._check(scope)
        except (Unauthorised, Forbidden, Unavailable) as fault:
            await send_problem(send, fault)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = browser_headers(scope)
        if (self._keyring is None or self._hosts) and not scope["path"].startswith(HEALTH):
            check_host(headers, self._hosts)
        if not (is_link(headers) and scope["method"] in READING and OPEN.fullmatch(scope["path"])):
            check_page(headers, self._origins)
        if self._keyring is not None:
            _check_key(self._keyring, scope)
        elif not self._allow_unauthenticated:
            _check_client(scope)


def _check_key(keyring: keys.Keyring, scope: Scope) -> None:
    needed = required_scope(scope["method"], scope["path"])
    if needed is None:
        return
    presented = _presented(dict(scope["headers"]))
    if not presented:
        raise Unauthorised("an API key is required: send `Authorization: Bearer KEY` or `X-API-Key: KEY`")
    key = keyring.find(presented)
    if key is None:
        raise Unauthorised("this API key is not known")
    scope["key"] = key.name
    if not key.scope.includes(needed):
        raise Forbidden(f"this request needs an API key with the scope `{needed}`; this key has `{key.scope}`")
    if keyring.fault and not _changes_nothing(scope["method"], scope["path"]):
        raise Unavailable(f"changes are refused until the file of keys can be read again: {keyring.fault}")


def _check_client(scope: Scope) -> None:
    client = scope.get("client")
    if client and not is_local(client[0]):
        raise Forbidden("without API keys only clients on this machine are served; set FITSERVE_API_KEYS_FILE")


def _changes_nothing(method: str, path: str) -> bool:
    return method in READING or PREDICTING.fullmatch(path) is not None


def declare_security(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document with the key and the scope that each operation needs, and the refusals that any may meet."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needed = required_scope(method.upper(), path)
            statuses = (403, 408, 413, 429, 503, 504) if needed is None else (401, 403, 408, 413, 429, 503, 504)
            for status, answer in documented(*statuses).items():
                described = operation["responses"].setdefault(str(status), answer)
                described["content"] = {**answer["content"], **described["content"]}
            _correct_invalid(operation["responses"])
            if needed is not None:
                operation["security"] = [{scheme: [str(needed)]} for scheme in SCHEMES]
    return document


def _correct_invalid(responses: dict[str, Any]) -> None:
    """FastAPI describes its own answer to what does not fit; here it is a problem, or other protocols' 400."""
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]
        if "400" not in responses:
            responses["422"] = documented(422)[422]


def _presented(headers: Mapping[bytes, bytes]) -> str:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    token = token if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
    return token.strip().decode("latin-1")
