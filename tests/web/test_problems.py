"""Whatever is wrong with a request, the answer is a problem that says what was expected."""

import io

import pytest
from starlette.testclient import TestClient

from app.families.imaging import png
from app.web.problems import MEDIA_TYPE
from tests.drawing import draw_digit
from tests.payloads import png_claiming

BAD_FILES = {
    "nothing": (b"", "0 bytes"),
    "text": (b"this is no picture", "not a picture"),
    "cut off": (png(draw_digit(7, 100))[:200], "truncated"),
    "bomb": (png_claiming(30_000, 30_000), "30000 x 30000"),
    "pdf": (b"%PDF-1.4 ...", "not a picture"),
}


@pytest.fixture
def client(unchanged: TestClient) -> TestClient:
    return unchanged


def problem(response: object) -> dict[str, object]:
    assert response.headers["content-type"] == MEDIA_TYPE  # type: ignore[attr-defined]
    body: dict[str, object] = response.json()  # type: ignore[attr-defined]
    assert body["status"] == response.status_code  # type: ignore[attr-defined]
    assert body["type"]
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_picture_is_refused(client: TestClient, name: str):
    content, expected = BAD_FILES[name]
    for response in (
        client.post("/predict/digit", files={"file": content}),
        client.post("/predict/digit", content=content, headers={"content-type": "image/png"}),
    ):
        assert response.status_code == 422
        assert expected in str(problem(response)["detail"])


def test_a_body_over_the_limit_is_refused_by_its_length(client: TestClient):
    response = client.post("/predict/digit", content=b"x" * 20_000_001, headers={"content-type": "image/png"})
    assert response.status_code == 413
    assert "20000000" in str(problem(response)["detail"])


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(client: TestClient):
    sent = 0

    def endless() -> object:
        nonlocal sent
        for _ in range(100):
            sent += 1_000_000
            yield b"x" * 1_000_000

    response = client.post("/predict/digit", content=endless(), headers={"content-type": "image/png"})  # type: ignore[arg-type]
    assert response.status_code == 413
    problem(response)


def test_a_wrong_field_name_is_told_the_right_one(client: TestClient):
    response = client.post("/predict/digit", files={"picture": b"x"})
    assert response.status_code == 422
    assert "'file'" in str(problem(response)["detail"])
    assert "'picture'" in str(problem(response)["detail"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n",
        b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\nx",
        b"garbage",
        b"--b--\r\n",
        b"--b\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\nno colon\r\n\r\nx\r\n--b--\r\n",
    ],
)
def test_a_broken_form_is_refused(client: TestClient, body: bytes):
    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = client.post("/predict/digit", content=body, headers=headers)
    assert response.status_code == 422
    problem(response)


def test_a_form_without_a_boundary_is_refused(client: TestClient):
    response = client.post("/predict/digit", content=b"x", headers={"content-type": "multipart/form-data"})
    assert response.status_code == 422
    problem(response)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_an_unknown_kind_of_body_is_told_the_known_ones(client: TestClient, kind: str):
    response = client.post("/predict/digit", content=b"x", headers={"content-type": kind})
    assert response.status_code == 415
    assert "curl -F file=@" in str(problem(response)["detail"])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"image": 1}',
        b'{"image": "%%%"}',
        b'{"image": "AAAA", "extra": 1}',
        b"\xff",
        '{"image": "é"}'.encode(),
    ],
)
def test_json_that_holds_no_picture_is_refused(client: TestClient, body: bytes):
    response = client.post("/predict/digit", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    problem(response)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"epochs": -1}, "epochs"),
        ({"epochs": 10**9}, "epochs"),
        ({"epoch": 3}, "epoch"),
        ({"network": "huge"}, "network"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"promote": "maybe"}, "promote"),
        ([], "body"),
    ],
)
def test_hyperparameters_that_do_not_fit_are_named(client: TestClient, body: object, field: str):
    response = client.post("/train/digit", json=body)
    assert response.status_code == 422
    errors: list[dict[str, object]] = problem(response)["errors"]  # type: ignore[assignment]
    assert field in errors[0]["loc"]  # type: ignore[operator]
    assert client.get("/jobs").json() == []


def test_a_missing_data_set_refuses_the_job_with_name_place_and_origin(client: TestClient, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = client.app.state.services.settings.data_dir  # type: ignore[attr-defined]
    response = client.post("/train/digit", json={"epochs": 1})
    assert response.status_code == 409
    for fact in ("mnist.npz", str(folder), "https://", "curl -LO"):
        assert fact in str(problem(response)["detail"])
    assert client.get("/jobs").json() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/nope"),
        ("POST", "/jobs/nope/cancel"),
        ("GET", "/models/nope"),
        ("GET", "/models/digit/versions/99"),
        ("GET", "/models/digit/versions/nope"),
        ("GET", "/models/digit/versions/" + "9" * 300),
        ("GET", "/models/digit/versions/" + "9" * 5000),
        ("DELETE", "/models/digit/versions/" + "9" * 300),
        ("GET", "/models/digit/versions/1/files/nope"),
        ("GET", "/models/digit/versions/1/files/../../aliases.json"),
        ("GET", "/models/digit/versions/1/files/%2e%2e/aliases.json"),
        ("PUT", "/models/digit/aliases/live"),
        ("POST", "/models/digit/rollback"),
        ("DELETE", "/models/digit/versions/99"),
        ("POST", "/predict/digit?version=99"),
        ("POST", "/predict/nope"),
        ("POST", "/train/nope"),
        ("GET", "/nope"),
    ],
)
def test_what_does_not_exist_is_not_found(client: TestClient, method: str, path: str):
    body = {"json": {"version": 99}} if method == "PUT" else {}
    response = client.request(method, path, **body)  # type: ignore[arg-type]
    assert response.status_code == 404
    problem(response)


def test_a_wrong_method_is_a_problem_too(client: TestClient):
    response = client.get("/predict/digit")
    assert response.status_code == 405
    problem(response)


def test_a_live_version_is_not_deleted(client: TestClient):
    response = client.delete("/models/digit/versions/1")
    assert response.status_code == 409
    assert "live" in str(problem(response)["detail"])


def test_too_many_files_at_once_are_refused(client: TestClient):
    files = [("files", ("a.png", io.BytesIO(b"x"))) for _ in range(65)]
    response = client.post("/predict/digit/batch", files=files)
    assert response.status_code == 413
    assert "64" in str(problem(response)["detail"])


def test_the_service_answers_after_all_that(client: TestClient):
    for content, _ in BAD_FILES.values():
        client.post("/predict/digit", files={"file": content})
    assert client.get("/health/ready").status_code == 200


JSON_HEADERS = {"content-type": "application/json"}
MANY = 900  # as many as a small body may have
HOSTILE = {
    "items": ("/train/digit", {"formats": [1] * MANY}),
    "keys": ("/train/digit", {f"k{number}": 1 for number in range(MANY)}),
    "long keys": ("/train/digit", {"나" * 5_000 + str(number): 1 for number in range(20)}),
    "control characters": ("/train/digit", {"\x01" * 5_000 + str(number): 1 for number in range(20)}),
    "more keys": ("/generate", {f"k{number}": 1 for number in range(MANY)}),
    "choices": ("/sweeps", {"family": "digit", "space": {"epochs": {"choices": [{}] * 2_000}}}),
    "dimensions": ("/sweeps", {"family": "digit", "space": {f"k{number}": 1 for number in range(4_000)}}),
    "tokens": ("/v1/completions", {"model": "lstm", "prompt": ["x", *[1] * 10_000]}),
    "bad tokens": ("/v1/completions", {"model": "lstm", "prompt": [1.5] * 10_000}),
    "biases": ("/v1/completions", {"model": "lstm", "prompt": "x", "logit_bias": dict.fromkeys(range(9_000), "x")}),
    "a name": ("/v1/completions", {"model": "lstm", "prompt": "x", "logit_bias": {"x" * 900_000: 1}}),
    "outputs": ("/v2/models/digit/infer", {"inputs": [], "outputs": [{"name": "x" * 900_000}]}),
    "inputs": ("/v1/models/digit:predict", {"instances": [{f"k{number}": 1 for number in range(9_000)}]}),
    "signature": ("/v1/models/digit:predict", {"instances": [1], "signature_name": "x" * 60_000}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_error_is_much_longer_than_twenty_errors(client: TestClient, name: str):
    path, body = HOSTILE[name]
    answer = client.post(path, json=body)
    assert answer.status_code in (400, 422), answer.text[:300]
    assert len(answer.content) <= 64 * 1024
    errors = answer.json().get("errors")
    if errors and path == "/train/digit" and name == "keys":
        assert (len(errors), answer.json()["more_errors"]) == (20, MANY - 20)


@pytest.mark.parametrize("body", [b"[" + b"[]," * 500_000 + b"[]]", b'{"a":' * 100_000, b"[" * 1_000_000])
@pytest.mark.parametrize("path", ["/train/text", "/sweeps", "/v1/completions", "/v2/models/digit/infer"])
def test_what_would_become_too_many_objects_is_too_large(client: TestClient, path: str, body: bytes):
    answer = client.post(path, content=body, headers=JSON_HEADERS)
    assert answer.status_code == 413
    assert "elements" in answer.text or "nested" in answer.text


def test_what_repeats_the_client_is_short(client: TestClient):
    long = "x" * 30_000
    for path in ("", "v2/", "v1/", "jobs/", "v1/models/"):
        answer = client.get(f"/{path}{long}")
        assert answer.status_code == 404
        assert len(answer.content) < 5_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/train/digit", {"priority": False}),
        ("/train/digit", {"epochs": True}),
        ("/train/digit", {"epochs": "3"}),
        ("/train/digit", {"seed": None}),
        ("/train/digit", {"seed": 1.5}),
        ("/train/digit", {"formats": None}),
        ("/train/text", {"units": False}),
        ("/sweeps", {"family": "digit", "space": {"epochs": {"choices": [1, 2]}}, "priority": False}),
        ("/sweeps", {"family": "digit", "space": {"epochs": {"choices": [1, 2]}}, "hyperparameters": {"seed": False}}),
    ],
)
def test_what_is_of_another_type_is_refused(client: TestClient, path: str, body: dict[str, object]):
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    problem(answer)


def test_parameters_that_exclude_each_other_say_so(client: TestClient):
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    fields = {name: schemas[name]["properties"] for name in ("GenerateRequest", "CompletionRequest", "Train_text")}
    query = {one["name"]: one for one in document["paths"]["/predict/digit"]["post"]["parameters"]}
    for one, other in (
        (query["version"], query["alias"]),
        (fields["GenerateRequest"]["version"], fields["GenerateRequest"]["alias"]),
        (fields["CompletionRequest"]["stream"], fields["CompletionRequest"]["best_of"]),
        (fields["Train_text"]["text"], fields["Train_text"]["corpus"]),
        (schemas["Range"]["properties"]["log"], schemas["Range"]["properties"]["step"]),
    ):
        for described in (one, other):
            assert "ot together with" in described["description"]
