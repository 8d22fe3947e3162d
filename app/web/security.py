"""Who may do what: keys and their scopes, and without keys nobody but this machine."""

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from app import keys
from app.errors import Forbidden, Unauthorised
from app.web.problems import documented, send_problem

OPEN = re.compile(r"/|/health/(live|ready)|/docs(/.*)?|/openapi\.json|/static/.*|/favicon\.ico")  # no secret in these
TRAINING = re.compile(r"/(train|jobs|sweeps)(/.*)?|/models/[^/]+/versions/[^/]+/reproduce")
PREDICTING = re.compile(r"/(predict|v1|v2)/.*|/generate")
REMEMBERED = 1000  # hosts whose kind is known without looking again
READING = ("GET", "HEAD", "OPTIONS")

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
    if method in READING or PREDICTING.fullmatch(path):
        return keys.Scope.PREDICT
    return keys.Scope.ADMIN


class Guard:
    """ASGI middleware: with a keyring, every request but the open ones needs a key of the right scope.

    Without one, only this machine is served, unless `allow_open`: the client, the host that it names and the page that
    it comes from must all be local, so that no web page elsewhere reaches the service through somebody's browser.
    The name of the key is left in the scope for those who come after.
    """

    def __init__(
        self, app: ASGIApp, keyring: keys.Keyring | None, *, allow_open: bool, origins: tuple[str, ...]
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._allow_open = allow_open
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass; refuse the rest before its body is read."""
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            try:
                if self._keyring is not None:
                    self._check_key(self._keyring, scope, headers)
                elif not self._allow_open:
                    self._check_local(scope, headers)
            except (Unauthorised, Forbidden) as fault:
                await send_problem(send, fault)
                return
        await self._app(scope, receive, send)

    def _check_key(self, keyring: keys.Keyring, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        needed = required_scope(scope["method"], scope["path"])
        if needed is None:
            return
        presented = _presented(headers)
        if not presented:
            raise Unauthorised("a key is needed: send `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        key = keyring.find(presented)
        if key is None:
            raise Unauthorised("this key is not known here")
        scope["key"] = key.name
        if not key.scope.includes(needed):
            raise Forbidden(f"this needs a key of the scope `{needed}`; this one has `{key.scope}`")

    def _check_local(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        client = scope.get("client")
        host = _host_of("//" + headers.get(b"host", b"localhost").decode("latin-1"))
        origin = headers.get(b"origin", b"").decode("latin-1")
        if client and not is_local(client[0]):
            raise Forbidden("without keys only this machine is served; see FITSERVE_API_KEYS_FILE")
        if not is_local(host):
            raise Forbidden(f"without keys only localhost is served, not {host[:100]!r}; see FITSERVE_API_KEYS_FILE")
        if origin and origin not in self._origins and not is_local(_host_of(origin)):
            raise Forbidden(f"pages of {origin[:100]!r} may not call this service; see FITSERVE_CORS_ORIGINS")


@lru_cache(REMEMBERED)
def is_local(host: str) -> bool:
    """Whether a name or an address means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def declare(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document with the key and the scope that each operation needs, and the refusals that any may meet."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needed = required_scope(method.upper(), path)
            statuses = (408, 413, 429, 503, 504) if needed is None else (401, 403, 408, 413, 429, 503, 504)
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


@lru_cache(REMEMBERED)
def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # a bracket that does not close
        return ""
