"""Departure: a caller who hangs up before the answer has begun is told to whoever works for it."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ON_DISCONNECT = "fitserve.leave"  # in a request's scope: what to call then


class DisconnectNotifier(HttpToolsProtocol):
    """uvicorn's protocol, which by itself tells only those who wait to receive something."""

    def on_message_complete(self) -> None:
        """The request is whole. Behind a large body uvicorn reads no further, and would see no departure."""
        super().on_message_complete()
        if not self.pipeline:
            self.flow.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn's loop calls this once, whoever ended the connection."""
        super().connection_lost(exc)
        if self.cycle is not None and not self.cycle.response_complete and ON_DISCONNECT in self.cycle.scope:
            self.cycle.scope[ON_DISCONNECT]()  # type: ignore[literal-required]
