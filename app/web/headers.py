"""Headers on every answer: what a browser may do with it, and whether the connection lasts."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STRICT = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",  # what was drawn or chosen is shown before it is sent
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
DOCS = "; ".join(  # FastAPI's page of the API: its script is inline, and the rest comes from where FastAPI points
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net",
        "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net",
        "img-src 'self' data: https://fastapi.tiangolo.com",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def _headers(policy: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(self), geolocation=(), microphone=()"),
    ]


LAST = (b"connection", b"close")


class Headers:
    """ASGI middleware: the strict policy, but for the page of the API. Once the service is leaving, every answer is the
    last on its connection, so that no client sends another request into one that is about to be closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._strict = _headers(STRICT)
        self._docs = _headers(DOCS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add them where the answer starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        added = self._docs if scope["path"].startswith("/docs") else self._strict

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                last = [LAST] if scope["app"].state.leaving else []
                message["headers"] = [*message["headers"], *added, *last]
            await send(message)

        await self._app(scope, receive, with_headers)
