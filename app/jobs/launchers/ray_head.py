"""The head of a Ray cluster, asked over HTTP, so that Ray itself is not imported: its jobs, and what Ray Serve deploys.

Nothing is kept between two calls, so a head that comes back is simply asked again.
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from app.errors import InvalidRequest, Unavailable
from app.logging import log

DEFAULT = "http://127.0.0.1:8265"
TIMEOUT_SECONDS = 10.0
DEPLOY_SECONDS = 120.0  # the first time Ray Serve itself is started
SILENT_SECONDS = 2.0  # for so long nobody asks again after a call that was not answered


class RayRefused(Unavailable):
    """Ray answered, but will not do it; the message ends with its reason."""


class RayHead:
    """The head's dashboard at an address such as `http://head:8265`; `token` is for clusters that ask for one."""

    def __init__(self, address: str, token: str | None = None) -> None:
        self.address = address.rstrip("/")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._silent_until = 0.0
        self._away = False

    def submit(self, submission: Mapping[str, Any]) -> None:
        """Queue a Ray job; raises Refused, as when there is one of the same id already, or Unavailable."""
        self._call("POST", "/api/jobs/", submission)

    def look(self, name: str) -> dict[str, Any] | None:
        """How things stand with a Ray job; None when Ray does not know it. Raises Unavailable."""
        found: dict[str, Any] | None = self._call("GET", f"/api/jobs/{name}")
        return found

    def stop(self, name: str) -> None:
        """Ask a Ray job to end: SIGTERM, and after Ray's time of grace SIGKILL. Raises Unavailable."""
        self._call("POST", f"/api/jobs/{name}/stop", {})

    def forget(self, name: str) -> None:
        """Remove what Ray keeps of a job that has ended; raises Unavailable."""
        self._call("DELETE", f"/api/jobs/{name}")

    def deploy(self, config: Mapping[str, Any]) -> None:
        """Have Ray Serve run what a config says, and nothing else; raises Unavailable."""
        self._call("PUT", "/api/serve/applications/", config, DEPLOY_SECONDS)

    def applications(self) -> dict[str, Any]:
        """What Ray Serve runs, by name; raises Unavailable."""
        found: dict[str, Any] = (self._call("GET", "/api/serve/applications/") or {}).get("applications", {})
        return found

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, seconds: float = TIMEOUT_SECONDS
    ) -> Any:
        """The JSON that comes back; None for 404."""
        if time.monotonic() < self._silent_until:
            raise Unavailable(f"Ray does not answer at {self.address}")
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data, self._headers, method=method)
        try:
            with urlopen(request, timeout=seconds) as answer:
                content = answer.read()
        except HTTPError as fault:
            self._log_state_change(away=False)
            if fault.code == 404:
                return None
            raise RayRefused(f"Ray at {self.address} answers {fault.code}: {_last_line(fault)}") from fault
        except (OSError, HTTPException) as fault:
            self._log_state_change(away=True)
            raise Unavailable(f"Ray does not answer at {self.address}: {fault}") from fault
        self._log_state_change(away=False)
        return json.loads(content) if content else {}

    def _log_state_change(self, *, away: bool) -> None:
        """Say once that Ray is away, and once that it is there again."""
        if away and not self._away:
            log.warning("Ray does not answer at %s", self.address)
        elif self._away and not away:
            log.info("Ray answers again at %s", self.address)
        self._away = away
        self._silent_until = time.monotonic() + SILENT_SECONDS if away else 0.0


def address_in(environment: Mapping[str, str]) -> str:
    """Where the head's dashboard is, from the variables that Ray's own tools read; raises InvalidRequest."""
    address = environment.get("RAY_API_SERVER_ADDRESS") or environment.get("RAY_ADDRESS") or DEFAULT
    if not address.startswith(("http://", "https://")):
        raise InvalidRequest(f"RAY_ADDRESS={address} is not the address of a Ray dashboard, such as http://head:8265")
    return address


def token_in(environment: Mapping[str, str]) -> str | None:
    """The token of a cluster that asks for one, from where Ray's own tools find it."""
    if token := environment.get("RAY_AUTH_TOKEN"):
        return token
    path = environment.get("RAY_AUTH_TOKEN_PATH") or os.path.expanduser("~/.ray/auth_token")
    with suppress(OSError):
        return Path(path).read_text().strip() or None
    return None


def _last_line(fault: HTTPError) -> str:
    lines = fault.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else str(fault.reason)
