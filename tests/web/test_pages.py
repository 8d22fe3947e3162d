"""By which names the service is asked and which pages may call it; serving every address opens neither."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.keys import Scope, create_key
from app.settings import Settings
from app.web.app import create_app

ELSEWHERE = {"Sec-Fetch-Site": "cross-site"}
LINK = ELSEWHERE | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@contextmanager
def serving(settings: Settings, host: str = "localhost:8000", **changes: object) -> Iterator[TestClient]:
    """As in a container: every address is served, and the client is the gateway of a network."""
    opened = settings.model_copy(update={"allow_unauthenticated": True, "allowed_hosts": None, **changes})
    with TestClient(create_app(opened), base_url=f"http://{host}", client=("172.18.0.1", 1)) as client:
        yield client


@pytest.fixture
def opened(settings: Settings) -> Iterator[TestClient]:
    with serving(settings) as client:
        yield client


def status(client: TestClient, path: str, method: str = "GET", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request(method, path, headers=named).status_code


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "localhost.", "x.localhost", "127.0.0.1:1", "[::1]:8000"]
)
def test_this_machine_is_known_by_its_names(opened: TestClient, host: str):
    assert status(opened, "/models", Host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0:8000", "192.168.1.5:8000",
        "evil.example@localhost", "localhost/evil", "localhost#", "[", "", "localhost, evil.example",
        "evillocalhost", "127.0.0.1:8000:1", "[::2]",
    ],
)  # fmt: skip
def test_a_name_that_leads_here_is_refused_however_open_the_service_is(opened: TestClient, host: str):
    answer = opened.post("/train/digit", json={}, headers={"Host": host})
    assert answer.status_code == 403
    assert "FITSERVE_ALLOWED_HOSTS" in answer.json()["detail"]
    assert opened.get("/jobs").json() == []


def test_a_second_host_does_not_hide_behind_a_good_one(opened: TestClient):
    for hosts in (["localhost", "evil.example"], ["evil.example", "localhost"]):
        headers = [("Host", host) for host in hosts]
        assert opened.get("/models", headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_probes_name_what_they_like(opened: TestClient, path: str):
    assert status(opened, path, Host="10.1.2.3:8000") == 200


def test_metrics_are_asked_for_by_an_allowed_name(settings: Settings):
    with serving(settings, allowed_hosts="fitserve") as client:
        assert status(client, "/metrics", Host="fitserve:8000") == 200
        assert status(client, "/metrics", Host="other:8000") == 403


@pytest.mark.parametrize(
    ("allowed", "host", "expected"),
    [
        ("fitserve.example, 192.168.1.5", "FITSERVE.example:80", 200),
        ("fitserve.example, 192.168.1.5", "192.168.1.5:8000", 200),
        ("fitserve.example, 192.168.1.5", "localhost", 200),
        ("fitserve.example", "a.fitserve.example", 403),
        ("*.fitserve.example", "a.fitserve.example", 200),
        ("*.fitserve.example", "fitserve.example", 403),
        ("*.fitserve.example", "evilfitserve.example", 403),
        ("[2001:db8::1]", "[2001:DB8:0::1]:8000", 200),
        ("*", "any.example", 200),
    ],
)
def test_the_names_that_are_allowed(settings: Settings, allowed: str, host: str, expected: int):
    with serving(settings, allowed_hosts=allowed) as client:
        assert status(client, "/models", Host=host) == expected


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [
        ELSEWHERE,
        ELSEWHERE | {"Origin": "http://evil.example"},
        ELSEWHERE | {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "what comes one day"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example:8000"},
        {"Origin": "http://localhost:8000@evil.example"},
        {"Origin": "http://localhost:8000 http://evil.example"},
        {"Origin": "localhost"},
        LINK | {"Origin": "http://evil.example"},
    ],
    ids=str,
)
def test_pages_elsewhere_reach_nothing(opened: TestClient, method: str, headers: dict[str, str]):
    for path in ("/models", "/train/digit", "/predict/digit", "/jobs", "/nope"):
        assert opened.request(method, path, headers=headers).status_code == 403, path


@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/health/ready", "/static/app.js", "/jobs/1/plot.svg", "/metrics"]
)
@pytest.mark.parametrize("dest", ["image", "script", "iframe", "empty"])
def test_pages_elsewhere_show_and_probe_nothing(opened: TestClient, path: str, dest: str):
    mode = "navigate" if dest == "iframe" else "no-cors"
    assert status(opened, path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode=mode, Sec_Fetch_Dest=dest) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_from_elsewhere_opens_what_is_open(opened: TestClient, site: str):
    link = LINK | {"Sec-Fetch-Site": site}
    for path in ("/", "/docs", "/openapi.json", "/health/live", "/health/ready"):
        assert opened.get(path, headers=link).status_code == 200
    assert opened.post("/", headers=link | {"Origin": "null"}).status_code == 403


def test_a_link_from_elsewhere_opens_nothing_else(opened: TestClient):
    for path in ("/jobs", "/models", "/metrics", "/predict/digit"):
        assert opened.get(path, headers=LINK).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},  # a form of a page with `Referrer-Policy: no-referrer`
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:5173"},
        {"Sec-Fetch-Site": "same-site"},  # a picture on that page
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:5173"},
        {"Sec-Fetch-Mode": "cors"},  # Node
    ],
    ids=str,
)
def test_the_page_itself_programs_and_pages_of_this_machine_may(opened: TestClient, headers: dict[str, str]):
    assert opened.get("/models", headers=headers).status_code == 200
    assert opened.post("/predict/digit", headers=headers).status_code == 415


def test_on_a_network_of_ones_own_the_page_calls_and_its_neighbours_do_not(settings: Settings):
    with serving(settings, host="192.168.1.5:8000", allowed_hosts="192.168.1.5") as client:
        assert status(client, "/predict/digit", "POST", Origin="http://192.168.1.5:8000") == 415
        assert status(client, "/predict/digit", "POST", Origin="http://192.168.1.5:9000") == 403
        assert status(client, "/models", Sec_Fetch_Site="same-site") == 403
        assert status(client, "/models", Sec_Fetch_Site="same-origin") == 200


def test_listed_origins_may_call_and_are_told_so(settings: Settings):
    origin = {"Origin": "https://app.example"}
    with serving(settings, cors_origins="https://APP.example:443/, http://two.example:3000") as client:
        answer = client.get("/models", headers=ELSEWHERE | origin)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin["Origin"]
        assert client.get("/models", headers=ELSEWHERE | {"Origin": "http://app.example"}).status_code == 403
        assert client.get("/models", headers=ELSEWHERE | {"Origin": "http://two.example:3000"}).status_code == 200


def test_keys_do_not_open_to_pages_and_bring_any_name(settings: Settings, tmp_path: Path):
    key = {"X-API-Key": create_key(tmp_path / "keys", Scope.ADMIN, "one")}
    with serving(settings, host="fitserve.example", api_keys_file=tmp_path / "keys") as client:
        assert client.get("/models", headers=key).status_code == 200
        assert client.get("/models", headers=key | ELSEWHERE).status_code == 403
        assert client.get("/models", headers=key | {"Origin": "https://evil.example"}).status_code == 403
        assert client.get("/models", headers=key | {"Origin": "https://fitserve.example"}).status_code == 200
        assert client.get("/", headers=LINK).status_code == 200
    with serving(settings, api_keys_file=tmp_path / "keys", allowed_hosts="fitserve.example") as client:
        assert status(client, "/models", Host="fitserve.example", **key) == 200
        assert status(client, "/models", Host="other.example", **key) == 403


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/swagger-ui.css", "/health/live", "/nope", "/openapi.json"])
def test_no_page_elsewhere_embeds_an_answer(opened: TestClient, path: str):
    assert opened.get(path).headers["cross-origin-resource-policy"] == "same-origin"
    assert opened.get(path, headers=ELSEWHERE).headers["cross-origin-resource-policy"] == "same-origin"
