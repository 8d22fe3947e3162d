"""Headers on every answer: what a browser may do with it, and whether the connection lasts."""

from starlette.types import Message, Receive, Scope, Send

from app.web.middleware.http import HttpMiddleware

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",  # what was drawn or chosen is shown before it is sent
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
ALWAYS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),  # no page elsewhere shows or runs it without asking (CORS)
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=()"),
]
LAST = (b"connection", b"close")


class SecurityHeaders(HttpMiddleware):
    """Middleware: one strict policy on everything. Once the service is leaving, every answer is the last on its
    connection, so that no client sends another request into one that is about to be closed.
    """

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add them where the answer starts."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                last = [LAST] if scope["app"].state.shutting_down else []
                message["headers"] = [*message["headers"], *ALWAYS, *last]
            await send(message)

        await self._app(scope, receive, with_headers)
