"""Who is let in: keys and their scopes, and without keys nobody but this machine."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.errors import Conflict, InvalidRequest
from app.families.imaging import png
from app.keys import Scope, create_key, read_keys
from app.settings import Settings
from app.web.app import create_app
from app.web.middleware.authentication import required_scope
from app.web.problems import MEDIA_TYPE
from tests.drawing import draw_digit

HEALTH = {"/health/live", "/health/ready"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(file: Path) -> dict[Scope, str]:
    return {scope: create_key(file, scope, f"a-{scope}") for scope in Scope}


@contextmanager
def serving(settings: Settings, client: str = "127.0.0.1", host: str = "localhost", **changes: object):
    app = create_app(settings.model_copy(update={"allow_unauthenticated": False, "allowed_hosts": None, **changes}))
    with TestClient(app, base_url=f"http://{host}", client=(client, 1), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def guarded(settings: Settings, file: Path, keys: dict[Scope, str]) -> Iterator[TestClient]:  # noqa: ARG001
    with serving(settings, api_keys_file=file, client="192.0.2.1", host="fitserve.example") as opened:
        yield opened


def operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Every operation of the OpenAPI document, its path filled in with names that lead nowhere."""
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, described in methods.items():
            yield method.upper(), re.sub(r"{[^}]+}", "1", path), described


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers", [{}, bearer("fitserve_wrong"), {"X-API-Key": "wrong"}, {"Authorization": "Basic x"}]
)
def test_every_route_but_health_refuses_who_has_no_key(guarded: TestClient, headers: dict[str, str]):
    walked = 0
    for method, path, _ in operations(guarded):
        response = guarded.request(method, path, headers=headers)
        if path in HEALTH:
            assert response.status_code == 200
            continue
        walked += 1
        assert response.status_code == 401, f"{method} {path}"
        of_another = path.startswith(("/v1", "/v2"))  # whose errors have forms of their own
        assert response.headers["content-type"] == ("application/json" if of_another else MEDIA_TYPE)
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert "key" in str(response.json()["error" if of_another else "detail"])
    assert walked > 30


@pytest.mark.parametrize(
    "path", ["/redoc", "/nope", "/v1/nope", "/statics", "/health", "/health/live/x", "//health/live"]
)
def test_what_the_document_does_not_name_is_closed_too(guarded: TestClient, path: str):
    assert guarded.get(f"http://fitserve.example{path}").status_code == 401


def test_every_route_refuses_a_key_of_a_lesser_scope(guarded: TestClient, keys: dict[Scope, str]):
    for method, path, described in operations(guarded):
        needed = required_scope(method, path)
        if needed is None:
            assert path in HEALTH
            assert "security" not in described
            continue
        assert described["security"] == [{"bearer": [needed]}, {"header": [needed]}]
        for scope, key in keys.items():
            if not scope.includes(needed):
                response = guarded.request(method, path, headers=bearer(key))
                assert response.status_code == 403, f"{method} {path} with {scope}"
                assert f"`{needed}`" in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/predict/digit", "predict"),
        ("POST", "/v2/models/digit/infer", "predict"),
        ("GET", "/models/digit", "predict"),
        ("POST", "/train/digit", "train"),
        ("GET", "/jobs", "train"),
        ("POST", "/models/digit/versions/1/reproduce", "train"),
        ("PUT", "/models/digit/aliases/live", "admin"),
        ("DELETE", "/models/digit/versions/1", "admin"),
        ("POST", "/what/nobody/thought/of", "admin"),
        ("POST", "/models/digit/versions/1/reproduce/x", "admin"),
    ],
)
def test_what_a_request_does_says_the_scope_it_needs(method: str, path: str, scope: str):
    assert required_scope(method, path) == scope


@pytest.mark.parametrize(
    "form", [bearer, lambda key: {"X-API-Key": key}, lambda key: {"Authorization": f"bearer {key}"}]
)
def test_a_key_that_suffices_is_let_in(
    guarded: TestClient, keys: dict[Scope, str], form: Callable[[str], dict[str, str]]
):
    for key in keys.values():
        response = guarded.post("/predict/digit", files={"file": png(draw_digit(7, 200))}, headers=form(key))
        assert response.status_code == 200
    assert guarded.get("/jobs", headers=form(keys[Scope.TRAIN])).status_code == 200


def test_a_key_is_known_and_forgotten_without_a_restart(guarded: TestClient, file: Path):
    key = create_key(file, Scope.PREDICT, "late")
    assert guarded.get("/models", headers=bearer(key)).status_code == 200
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "late" not in line))
    assert guarded.get("/models", headers=bearer(key)).status_code == 401


def test_a_damaged_file_leaves_the_keys_as_they_were(guarded: TestClient, file: Path, keys: dict[Scope, str]):
    file.write_text("nonsense")
    assert guarded.get("/models", headers=bearer(keys[Scope.PREDICT])).status_code == 200


def test_the_file_holds_hashes_and_only_its_owner_reads_it(file: Path, keys: dict[Scope, str]):
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(key in file.read_text() for key in keys.values())
    assert [key.name for key in read_keys(file)] == ["a-predict", "a-train", "a-admin"]


def test_a_name_is_taken_once_and_is_one_word(file: Path):
    create_key(file, Scope.PREDICT, "phone")
    with pytest.raises(Conflict, match="phone"):
        create_key(file, Scope.ADMIN, "phone")
    with pytest.raises(InvalidRequest, match="1 to 64"):
        create_key(file, Scope.ADMIN, "two words")


def test_a_missing_file_of_keys_keeps_the_service_from_starting(settings: Settings, tmp_path: Path):
    with pytest.raises(InvalidRequest, match="cannot be read"), serving(settings, api_keys_file=tmp_path / "none"):
        pass


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000"])
def test_without_keys_this_machine_is_served(settings: Settings, host: str):
    with serving(settings, host=host) as client:
        assert client.get("/models").status_code == 200
        assert client.get("/models", headers={"Origin": "http://localhost:8000"}).status_code == 200


@pytest.mark.parametrize(
    ("client", "host", "origin", "said"),
    [
        ("192.0.2.1", "localhost", "", "only clients on this machine"),
        ("127.0.0.1", "rebound.example", "", "use localhost"),
        ("127.0.0.1", "[", "", "use localhost"),
        ("127.0.0.1", "localhost", "https://evil.example", "pages of"),
        ("127.0.0.1", "localhost", "null", "pages of"),
    ],
)
def test_without_keys_nobody_else_is(settings: Settings, client: str, host: str, origin: str, said: str):
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    with serving(settings, client=client) as opened:
        response = opened.post("/train/digit", json={}, headers=headers)
    assert response.status_code == 403
    assert said in response.json()["detail"]


def test_without_keys_the_service_listens_on_loopback_only():
    environment = {"FITSERVE_HOST": "0.0.0.0", "PATH": ""}
    done = subprocess.run([sys.executable, "-m", "app.main"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    for remedy in ("FITSERVE_API_KEYS_FILE", "fitserve keys create", "FITSERVE_ALLOW_UNAUTHENTICATED"):
        assert remedy in done.stderr


def test_only_listed_origins_may_call(settings: Settings):
    with serving(settings, cors_origins="https://one.example, https://two.example") as client:
        asked = {"Origin": "https://two.example", "Access-Control-Request-Method": "POST"}
        assert client.options("/predict/digit", headers=asked).headers["access-control-allow-origin"] == asked["Origin"]
        assert client.get("/models", headers=asked).status_code == 200
        other = client.options("/predict/digit", headers={**asked, "Origin": "https://three.example"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/swagger-ui.css", "/health/live", "/nope", "/openapi.json"])
def test_every_answer_has_a_strict_policy(client: TestClient, path: str):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"


SPOILS = {
    "nonsense": lambda file: file.write_text("nonsense"),
    "deleted": lambda file: file.unlink(),
    "not a text": lambda file: file.write_bytes(b"\xff\xfe\x00"),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-70]),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_while_the_keys_cannot_be_read_it_predicts_changes_nothing_and_says_so(
    guarded: TestClient, file: Path, keys: dict[Scope, str], spoil: Callable[[Path], object]
):
    good = file.read_text()
    assert guarded.get("/health/ready").json()["keys_fault"] is None
    spoil(file)
    headers = bearer(keys[Scope.ADMIN])
    for _ in range(2):
        seen = guarded.get("/health/ready")
        assert seen.status_code == 503
        assert not seen.json()["ready"]
        assert "the file of keys" in seen.json()["keys_fault"]
        assert guarded.get("/v2/health/ready", headers=headers).status_code != 200
        for method, path in (("POST", "/train/digit"), ("DELETE", "/models/digit/versions/1"), ("POST", "/sweeps")):
            refused = guarded.request(method, path, headers=headers, json={})
            assert refused.status_code == 503
            assert "the file of keys" in refused.json()["detail"]
        picture = png(draw_digit(7, 200))
        assert guarded.post("/predict/digit", files={"file": picture}, headers=headers).status_code == 200
        assert guarded.get("/jobs", headers=headers).json() == []
        assert guarded.get("/models", headers=bearer("fitserve_wrong")).status_code == 401
    file.write_text(good)
    assert guarded.get("/health/ready").status_code == 200
    assert guarded.post("/train/digit", json={"dataset": "nope"}, headers=headers).status_code == 422
