"""Names of models, versions, jobs, texts, keys and files that are none: refused wherever they stand, never a 5xx."""

import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from app.settings import Settings
from app.web.app import create_app
from tests.hostile import IS_LONG

METHODS = ("get", "put", "post", "delete", "patch")
NAMES = [
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "a" * 300,  # longer than a file's name may be
    "가" * 160,  # few characters, many bytes
    "a" * 5000,  # longer than a path may be
    "a\0b",
    "a\nb\r\nX: y",
    "a\\b",
    "%2e%2e%2f",
    "NaN",
    "-1",
    "1e999",
    "9" * 400,
    "null",
    "true",
    "[/x]",
    "{}",
    "\u202e\ufeff\u200b",
    "cafe\u0301",
    "💥" * 64,
    "'; drop table jobs; --",
    "CON",
    ",,,",
]
PLAIN = {"string": "digit", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The whole application with a folder of data; its jobs are queued and looked at by nobody."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "data").mkdir()
    (folder / "data" / "poems.txt").write_text("one two three\nfour five six\n")
    app = create_app(
        Settings(
            store=folder / "store",
            data_dir=folder / "data",
            offline=True,
            job_poll_seconds=3600.0,
            max_queued=10_000,
        )
    )
    with TestClient(app, raise_server_exceptions=False) as opened:
        app.state.services.supervisor.close()
        yield opened


def test_no_route_fails_over_a_name(client: TestClient):
    document = client.get("/openapi.json").json()
    cases = [
        (method, path, place, name)
        for path, operations in document["paths"].items()
        for method in METHODS
        if method in operations
        for place in places_of(document, operations, method)
        for name in NAMES
    ]
    assert len(cases) > 1000
    for method, path, place, name in cases if IS_LONG else random.Random(0).sample(cases, 250):
        answer = asked(client, document, method, path, place, name)
        assert answer.status_code < 500, (method, path, place, name[:20], answer.text)


@pytest.mark.parametrize("corpus", ["a" * 252, "가" * 84, "poems," + "a" * 300, "x" * 490])
def test_a_corpus_whose_file_could_have_no_such_name_is_refused(client: TestClient, corpus: str):
    for family, body in (("text", {"corpus": corpus}), ("text", {"corpus": corpus, "cell": "all"})):
        answer = client.post(f"/train/{family}", json=body)
        assert answer.status_code == 422
        assert "255 bytes" in answer.text
    space = {"family": "text", "space": {"corpus": {"choices": [corpus, "poems"]}}, "trials": 2}
    assert client.post("/sweeps", json=space).status_code == 422


def test_a_corpus_that_is_called_like_a_number_is_that_corpus(client: TestClient):
    folder = client.app.state.services.settings.data_dir  # type: ignore[attr-defined]
    for name in ("NaN", "Infinity", "-Infinity", "1e5", "true", "null"):
        (folder / f"{name}.txt").write_text("one two three\nfour five six\n")
        job = client.post("/train/text", json={"corpus": name}).json()
        for seen in (job, client.get(f"/jobs/{job['id']}").json(), client.get("/jobs?limit=1").json()[0]):
            assert seen["hyperparameters"] == {"corpus": name}
        space = {"family": "text", "space": {"corpus": {"choices": [name, "poems"]}}, "trials": 2}
        sweep = client.post("/sweeps", json=space)
        assert sweep.status_code == 202, sweep.text
        assert name in client.get(f"/sweeps/{sweep.json()['id']}").json()["space"]["corpus"]["choices"]


def places_of(document: Any, operations: Any, method: str) -> list[tuple[str, str]]:
    """Where an operation takes a text: the parameters and the properties of its JSON body."""
    parameters = parameters_of(operations, method)
    return [(one["in"], one["name"]) for one in parameters] + [
        ("body", name) for name in body_of(document, operations[method])[0]
    ]


def parameters_of(operations: Any, method: str) -> list[Any]:
    return [*operations.get("parameters", []), *operations[method].get("parameters", [])]


def body_of(document: Any, operation: Any) -> tuple[dict[str, Any], set[str]]:
    """The properties of an operation's JSON body, and which it must have."""
    schemas = [operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})]
    properties: dict[str, Any] = {}
    required: set[str] = set()
    while schemas:
        schema = schemas.pop()
        if "$ref" in schema:
            schemas.append(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        schemas += [one for kind in ("anyOf", "oneOf", "allOf") for one in schema.get(kind, [])]
        properties |= schema.get("properties", {})
        required |= set(schema.get("required", []))
    return properties, required


def asked(client: TestClient, document: Any, method: str, path: str, place: tuple[str, str], name: str) -> Any:
    """The answer to a request with this name at one place, and something plain at all others that need it."""
    operations = document["paths"][path]
    properties, required = body_of(document, operations[method])
    for one in parameters_of(operations, method):
        value = name if (one["in"], one["name"]) == place else plain(one["schema"])
        path = path.replace(f"{{{one['name']}}}", quote(str(value), safe=""))
    kind, where = place
    body = {one: plain(properties.get(one, {})) for one in required} | ({where: name} if kind == "body" else {})
    header = " ".join(name.replace("\0", " ").split()).encode()
    return client.request(
        method,
        path,
        params={where: name} if kind == "query" else {},
        headers={where.encode(): header} if kind == "header" else {},
        json=body if properties else None,
    )


def plain(schema: Any) -> Any:
    return PLAIN.get(schema.get("type"), "digit")
