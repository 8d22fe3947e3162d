"""For whom a proxy asks is believed of the proxies that a setting names, and of nobody else."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from fastapi import Request
from starlette.testclient import TestClient

from app.settings import Settings
from app.web.app import create_app
from tests.service import Service

SAYING = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "True-Client-IP", "X-Client-IP")


@contextmanager
def serving(settings: Settings, client: str, **changes: object) -> Iterator[TestClient]:
    made = settings.model_copy(update={"allowed_hosts": None, "max_rate": 0.01, **changes})
    with TestClient(create_app(made), base_url="http://localhost", client=(client, 1)) as opened:
        yield opened


async def _look(seen: list[str], request: Request) -> None:
    seen.append(str(request.url))


def saying(name: str, address: str) -> dict[str, str]:
    return {name: f"for={address}" if name == "Forwarded" else address}


@pytest.mark.parametrize("name", SAYING)
@pytest.mark.parametrize("client", ["127.0.0.1", "192.0.2.1"])
def test_nobody_takes_another_ones_rate(settings: Settings, client: str, name: str):
    with serving(settings, client) as opened:
        statuses = [opened.get("/models", headers=saying(name, f"198.51.100.{i}")).status_code for i in range(3)]
    assert statuses == [200, 429, 429]


@pytest.mark.parametrize("name", SAYING)
def test_nobody_becomes_this_machine_by_saying_so(settings: Settings, name: str):
    with serving(settings, "192.0.2.1", allow_unauthenticated=False) as opened:
        assert opened.get("/models", headers=saying(name, "127.0.0.1")).status_code == 403


@pytest.mark.parametrize("name", SAYING)
def test_nobody_stops_being_this_machine_by_saying_so(settings: Settings, name: str):
    with serving(settings, "127.0.0.1", allow_unauthenticated=False) as opened:
        assert opened.get("/models", headers=saying(name, "192.0.2.1")).status_code == 200


def test_a_service_that_runs_believes_nobody_either():
    with Service(offline=True, max_rate=0.01, starters="/nowhere") as service:
        service.client.get("/models")
        answers = [service.client.get("/models", headers={"X-Forwarded-For": f"198.51.100.{i}"}) for i in range(2)]
    assert {answer.status_code for answer in answers} == {429}


REPLICA = """
import asyncio
import app.ray_serve
import uvicorn

async def seen(scope, receive, send):
    print(scope["client"][0], scope["scheme"])

config = uvicorn.Config(seen, log_config=None)  # as Ray makes it
config.load()
said = [(b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-proto", b"https")]
scope = {"type": "http", "client": ("127.0.0.1", 1), "scheme": "http", "headers": said, "http_version": "1.1"}
asyncio.run(config.loaded_app(scope, None, None))
"""


def test_a_replica_of_ray_serve_believes_nobody_either():
    pytest.importorskip("ray")
    done = subprocess.run([sys.executable, "-c", REPLICA], capture_output=True, text=True, check=False)
    assert done.stdout == "127.0.0.1 http\n", done.stderr


def test_a_named_proxy_is_believed(settings: Settings):
    with serving(settings, "10.0.0.7", trusted_proxies="10.0.0.7, 10.1.0.0/16") as opened:

        def status(said: str) -> int:
            return opened.get("/models", headers={"X-Forwarded-For": said}).status_code

        assert [status("198.51.100.1"), status("198.51.100.2"), status("198.51.100.1")] == [200, 200, 429]
        assert (
            status("198.51.100.9, 198.51.100.1, 10.1.2.3") == 429
        )  # the last that is no proxy; before it anything goes


def test_behind_a_named_proxy_of_this_machine_others_are_not_this_machine(settings: Settings):
    with serving(settings, "127.0.0.1", trusted_proxies="127.0.0.1", allow_unauthenticated=False) as opened:
        assert opened.get("/models", headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 403
        assert opened.get("/models", headers={"X-Forwarded-For": "127.0.0.1, 198.51.100.1"}).status_code == 403
        assert opened.get("/models").status_code == 200


def test_what_is_said_of_the_scheme_is_believed_of_named_proxies_only(settings: Settings):
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    for proxies, scheme in ((None, "http"), ("127.0.0.1", "https")):
        with serving(settings, "127.0.0.1", trusted_proxies=proxies, max_rate=0) as opened:
            seen: list[str] = []
            opened.app.add_api_route("/seen", partial(_look, seen))  # type: ignore[attr-defined]
            opened.get("/seen", headers=said)
            assert seen == [f"{scheme}://localhost/seen"]
