"""TensorFlow Serving's REST interface and the Open Inference Protocol, as their documents have them."""

import base64
import json
import struct

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.families.digit.normalise import normalise
from app.families.imaging import png
from tests.drawing import draw_digit

SEVEN = draw_digit(7, 200, thickness=16)
TENSOR = normalise(SEVEN)[..., np.newaxis]
PICTURE = png(SEVEN)
B64 = base64.b64encode(PICTURE).decode()
HEADER = "Inference-Header-Content-Length"


@pytest.fixture
def client(unchanged: TestClient) -> TestClient:
    return unchanged


def best(probabilities: list[float]) -> int:
    return int(np.argmax(probabilities))


# ---- TensorFlow Serving


def test_the_status_of_a_model_lists_its_versions(client: TestClient):
    expected = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("/v1/models/digit", "/v1/models/digit/versions/1", "/v1/models/digit/labels/live"):
        assert client.get(path).json()["model_version_status"] == [expected]
    missing = client.get("/v1/models/half")
    assert missing.status_code == 404
    assert missing.json() == {"error": "Servable not found for request: Latest(half)"}
    assert client.get("/v1/models/digit/versions/9").status_code == 404


def test_the_metadata_is_the_signature(client: TestClient):
    answer = client.get("/v1/models/digit/metadata").json()
    assert answer["model_spec"] == {"name": "digit", "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["image"]["dtype"] == "DT_FLOAT"
    sizes = [side["size"] for side in signature["inputs"]["image"]["tensor_shape"]["dim"]]
    assert sizes == ["-1", "28", "28", "1"]


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [TENSOR.tolist()] * 2},
        {"instances": [{"image": TENSOR.tolist()}] * 2, "signature_name": "serving_default"},
        {"instances": [{"b64": B64}] * 2},
        {"instances": [{"image": {"b64": B64}}] * 2},
    ],
    ids=["bare", "named", "picture", "named picture"],
)
def test_rows_are_predicted(client: TestClient, body: dict[str, object]):
    for path in ("/v1/models/digit", "/v1/models/digit/versions/1", "/v1/models/digit/labels/live"):
        answer = client.post(f"{path}:predict", json=body)
        assert answer.status_code == 200, answer.text
        assert [best(row) for row in answer.json()["predictions"]] == [7, 7]


def test_columns_are_predicted(client: TestClient):
    for inputs in ([TENSOR.tolist()], {"image": [TENSOR.tolist()]}):
        answer = client.post("/v1/models/digit:predict", json={"inputs": inputs}).json()
        assert [best(row) for row in answer["outputs"]] == [7]


def test_examples_are_classified(client: TestClient):
    answer = client.post("/v1/models/digit:classify", json={"examples": [{"image": {"b64": B64}}] * 2}).json()
    assert [result[0][0] for result in answer["results"]] == ["7", "7"]
    assert len(answer["results"][0]) == 10


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e39", "1e999"])
def test_what_is_not_finite_is_refused(client: TestClient, number: str):
    rows = np.zeros((28, 28, 1)).tolist()
    for body, path in (
        ({"instances": [rows]}, "/v1/models/digit:predict"),
        ({"inputs": [tensor(data=[0.0] * 784)]}, "/v2/models/digit/infer"),
    ):
        answer = client.post(path, content=json.dumps(body).replace("0.0", number))
        assert (answer.status_code, "NaN, Infinity" in answer.json()["error"]) == (400, True), answer.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "either instances or inputs"),
        ({"instances": [1], "inputs": [1]}, "either instances or inputs"),
        ({"instances": []}, "at least one"),
        ({"instances": [[1, 2]]}, "shape"),
        ({"instances": [["a"]]}, "numbers"),
        ({"instances": [{"picture": 1}]}, "expected the input 'image'"),
        ({"instances": [{"b64": "?"}]}, "base64"),
        ({"instances": [{"b64": ""}]}, "empty"),
        ({"instances": [TENSOR.tolist()], "signature_name": "other"}, "signature"),
        ([1], "object"),
    ],
)
def test_what_does_not_fit_is_said_in_their_words(client: TestClient, body: object, words: str):
    answer = client.post("/v1/models/digit:predict", json=body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert words in answer.json()["error"]


# ---- Open Inference Protocol


def infer(client: TestClient, body: dict[str, object], path: str = "/v2/models/digit"):
    return client.post(f"{path}/infer", json=body)


def tensor(**more: object) -> dict[str, object]:
    return {"name": "image", "datatype": "FP32", "shape": [1, 28, 28, 1], "data": TENSOR.ravel().tolist(), **more}


def test_server_health_and_metadata(client: TestClient):
    server = client.get("/v2").json()
    assert set(server) == {"name", "version", "extensions"}
    assert "binary_tensor_data" in server["extensions"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert "digit" in client.get("/v2/models").json()["models"]
    model = client.get("/v2/models/digit").json()
    assert model["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 28, 28, 1]}]
    assert model["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
    assert client.get("/v2/models/digit/versions/1/ready").json() == {"name": "digit", "ready": True}
    assert client.get("/v2/models/nope").json()["error"].startswith("there is no model 'nope'; models: ")
    (entry,) = [one for one in client.post("/v2/repository/index").json() if one["name"] == "digit"]
    assert (entry["version"], entry["state"]) == ("1", "READY")


def test_a_service_that_is_leaving_is_not_ready(client: TestClient):
    client.app.state.shutting_down = True  # type: ignore[attr-defined]
    answer = client.get("/v2/health/ready")
    client.app.state.shutting_down = False  # type: ignore[attr-defined]
    assert (answer.status_code, answer.json()) == (503, {"ready": False})


def test_more_instances_than_ever_find_room_are_too_many(client: TestClient):
    many = {"name": "image", "datatype": "FP32", "shape": [257, 28, 28, 1], "data": [0] * (257 * 784)}
    answer = infer(client, {"inputs": [many]})
    assert (answer.status_code, "at most 256" in answer.json()["error"]) == (413, True)


def test_json_tensors_flat_or_nested_are_inferred(client: TestClient):
    for data in (TENSOR.ravel().tolist(), [TENSOR.tolist()]):
        answer = infer(client, {"id": "42", "inputs": [tensor(data=data)]}).json()
        assert (answer["id"], answer["model_name"], answer["model_version"]) == ("42", "digit", "1")
        (output,) = answer["outputs"]
        assert (output["name"], output["datatype"], output["shape"]) == ("probabilities", "FP32", [1, 10])
        assert best(output["data"]) == 7


def test_pictures_are_inferred_as_bytes(client: TestClient):
    given = {"name": "image", "datatype": "BYTES", "shape": [2], "data": [B64, B64]}
    (output,) = infer(client, {"inputs": [given]}, "/v2/models/digit/versions/1").json()["outputs"]
    assert output["shape"] == [2, 10]


def test_binary_tensors_go_in_and_out(client: TestClient):
    raw = TENSOR.tobytes()
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "image",
                    "datatype": "FP32",
                    "shape": [1, 28, 28, 1],
                    "parameters": {"binary_data_size": len(raw)},
                }
            ],
            "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
        }
    ).encode()
    answer = client.post("/v2/models/digit/infer", content=head + raw, headers={HEADER: str(len(head))})
    length = int(answer.headers[HEADER])
    (output,) = json.loads(answer.content[:length])["outputs"]
    assert output["parameters"]["binary_data_size"] == len(answer.content) - length == 40
    assert best(np.frombuffer(answer.content[length:], "<f4").tolist()) == 7


def test_a_bare_picture_is_inferred(client: TestClient):
    answer = client.post("/v2/models/digit/infer", content=PICTURE, headers={HEADER: "0"})
    assert answer.status_code == 200, answer.text
    length = int(answer.headers[HEADER])
    assert best(np.frombuffer(answer.content[length:], "<f4").tolist()) == 7


def test_classification_gives_values_indices_and_labels(client: TestClient):
    wanted = [{"name": "probabilities", "parameters": {"classification": 2}}]
    (output,) = infer(client, {"inputs": [tensor()], "outputs": wanted}).json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [1, 2])
    assert output["data"][0].endswith(":7:7")
    body = json.dumps({"inputs": [tensor()], "outputs": wanted, "parameters": {"binary_data_output": True}})
    answer = client.post("/v2/models/digit/infer", content=body)
    first = answer.content[int(answer.headers[HEADER]) :]
    assert first[4 : 4 + struct.unpack("<I", first[:4])[0]].endswith(b":7:7")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "inputs"),
        ({"inputs": [tensor(), tensor()]}, "one input"),
        ({"inputs": [tensor(name="x")]}, "one input, 'image'"),
        ({"inputs": [tensor(datatype="FP99")]}, "datatype"),
        ({"inputs": [tensor(datatype="FP64")]}, "not FP64"),
        ({"inputs": [tensor(shape=[1, 28, 28])]}, "shape"),
        ({"inputs": [tensor(shape=[2, 28, 28, 1])]}, "numbers"),
        ({"inputs": [tensor(shape=[-1, 28, 28, 1])]}, "shape"),
        ({"inputs": [tensor(data=None)]}, "neither data nor"),
        ({"inputs": [tensor(parameters={"binary_data_size": 9})]}, "binary_data_size"),
        ({"inputs": [tensor()], "outputs": [{"name": "x"}]}, "no output"),
        ({"inputs": [tensor()], "outputs": "x"}, "outputs"),
        ({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["?"]}]}, "base64"),
    ],
)
def test_messages_that_do_not_fit_are_refused_with_the_reason(client: TestClient, body: dict[str, object], words: str):
    answer = infer(client, body)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]


@pytest.mark.parametrize("length", ["-1", "x", "9999999", "3"])
def test_a_header_that_lies_is_refused(client: TestClient, length: str):
    answer = client.post("/v2/models/digit/infer", content=b"{}   ", headers={HEADER: length})
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_elements_that_are_cut_off_are_refused(client: TestClient):
    for raw in (b"\x01", struct.pack("<I", 9) + b"short"):
        given = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
        head = json.dumps({"inputs": [given]}).encode()
        answer = client.post("/v2/models/digit/infer", content=head + raw, headers={HEADER: str(len(head))})
        assert answer.status_code == 400
        assert "cut off" in answer.json()["error"]


# ---- what belongs to both, or to neither


def binary(given: dict[str, object], raw: bytes, client: TestClient, **more: object):
    head = json.dumps({"inputs": [{"name": "image", **given}], **more}).encode()
    return client.post("/v2/models/digit/infer", content=head + raw, headers={HEADER: str(len(head))})


@pytest.mark.parametrize(
    "given",
    [
        tensor(datatype="BYTES", shape=[0], data=[]),
        tensor(shape=[0, 28, 28, 1], data=[]),
        tensor(shape=[], data=[]),
        tensor(shape=[], data=[1]),
        tensor(shape=[2**62, 2**62], data=[1]),
        tensor(shape=[-1, -784], data=[0.5] * 784),
        tensor(shape=[True], data=[1]),
        tensor(shape=[1.0, 28, 28, 1]),
        tensor(shape=[[1], [28]]),
        tensor(shape="1,28,28,1"),
        tensor(shape=None),
        tensor(shape=[1] * 1000),
        tensor(data=["1"] * 784),
        tensor(data=["x"]),
        tensor(data=[True] * 784),
        tensor(data=[True, *[1] * 783]),
        tensor(data=[[1, 2], [3]]),
        tensor(data=[1, [2]]),
        tensor(data=[1, "x" * 100_000, *[1] * 782]),
        tensor(data=[1, None]),
        tensor(data=[1, {}]),
        tensor(data=[{}]),
        tensor(data=[[]]),
        tensor(data=[10**400]),
        tensor(data=[2**63, -1]),
        tensor(data={"0": 1}),
        tensor(datatype="BYTES", shape=[1], data=[1]),
        tensor(datatype="BYTES", shape=[1], data=[None]),
        tensor(datatype="BYTES", shape=[2], data=[B64]),
        tensor(datatype="BYTES", shape=[1], data=[[[B64, B64]]]),
        tensor(datatype="BYTES", shape=[1], data=["=" + B64]),
        tensor(datatype=["BYTES"]),
        tensor(name=[1]),
        tensor(parameters=[1]),
        tensor(parameters={"binary_data_size": True}),
        tensor(parameters={"binary_data_size": -1}),
        tensor(parameters={"binary_data_size": [1]}),
        tensor(parameters={"binary_data_size": 4}),
    ],
    ids=str,
)
def test_odd_tensors_are_refused_in_a_sentence(client: TestClient, given: dict[str, object]):
    answer = infer(client, {"inputs": [given]})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "more",
    [
        {"id": ["x"]},
        {"id": "x" * 2000},
        {"outputs": [{}]},
        {"outputs": [{"name": 1}]},
        {"outputs": {}},
        {"outputs": [{"name": "probabilities", "parameters": {"classification": True}}]},
        {"outputs": [{"name": "probabilities", "parameters": {"classification": [1, 2]}}]},
        {"outputs": [{"name": "probabilities", "parameters": {"binary_data": "yes"}}]},
        {"parameters": [1, 2]},
        {"parameters": {"binary_data_output": 1}},
    ],
    ids=str,
)
def test_odd_messages_are_refused_in_a_sentence(client: TestClient, more: dict[str, object]):
    answer = infer(client, {"inputs": [tensor()], **more})
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize(
    ("given", "raw"),
    [
        ({"datatype": "BYTES", "shape": [0], "parameters": {"binary_data_size": 0}}, b""),
        ({"datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 8}}, struct.pack("<II", 0, 0)),
        ({"datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 4}}, struct.pack("<I", 2**32 - 1)),
        ({"datatype": "FP32", "shape": [0, 28, 28, 1], "parameters": {"binary_data_size": 0}}, b""),
        ({"datatype": "FP32", "shape": [1, 28, 28, 1], "parameters": {"binary_data_size": 3}}, b"abc"),
        ({"datatype": "FP32", "shape": [1, 28, 28, 1], "parameters": {"binary_data_size": 2**70}}, b"abc"),
        ({"datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}, "data": [1]}, b"abcd"),
    ],
    ids=str,
)
def test_odd_binary_tensors_are_refused_in_a_sentence(client: TestClient, given: dict[str, object], raw: bytes):
    answer = binary(given, raw, client)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


def test_a_million_empty_elements_are_not_gone_through(client: TestClient):
    raw = bytes(4_000_000)
    answer = binary({"datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}, raw, client)
    assert (answer.status_code, "2 elements" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [[], []]},
        {"instances": [[1, 2], [3]]},
        {"instances": 5},
        {"instances": [{"image": [[1]]}, {"image": [1]}]},
        {"instances": [{"image": "x"}]},
        {"instances": [{"b64": [1]}]},
        {"instances": [{"b64": None}]},
        {"instances": [TENSOR.tolist(), {"b64": B64}]},
        {"instances": [{"b64": B64}, 1]},
        {"instances": [TENSOR.tolist()], "signature_name": [1, 2]},
        {"inputs": {"image": 1}},
        {"inputs": {}},
        {"inputs": "x"},
    ],
    ids=lambda body: str(body)[:60],
)
def test_odd_rows_and_columns_are_refused_in_a_sentence(client: TestClient, body: object):
    answer = client.post("/v1/models/digit:predict", json=body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"]), answer.text


@pytest.mark.parametrize("context", [[1, 2], "x", 1, {"a": 1, "b": 2}])
def test_an_odd_context_is_refused(client: TestClient, context: object):
    answer = client.post("/v1/models/digit:classify", json={"examples": [{"image": {"b64": B64}}], "context": context})
    assert answer.status_code == 400, answer.text


def test_a_network_that_gives_no_numbers_is_told_as_an_error(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    loaded = client.app.state.services.servables.live("digit")  # type: ignore[attr-defined]
    monkeypatch.setattr(loaded.batcher, "_predict", lambda batch: np.full((len(batch), 10), np.nan, np.float32))
    for path, body in (
        ("/v2/models/digit/infer", {"inputs": [tensor()]}),
        ("/v1/models/digit:predict", {"instances": [TENSOR.tolist()]}),
        ("/predict/digit", {"image": B64}),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 500
        assert "not finite" in str(answer.json())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nope", 404),
        ("DELETE", "/v2/models/digit", 405),
        ("GET", "/v1/models/digit/nope", 404),
        ("GET", "/v1/models/digit:predict", 405),
        ("POST", "/v1/models/digit:regress", 404),
        ("GET", "/v1/completions", 405),
        ("POST", "/v1/chat/completions", 404),
        ("GET", "/v1", 404),
    ],
)
def test_addresses_below_a_protocol_fail_in_its_form(client: TestClient, method: str, path: str, status: int):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    error = answer.json()["error"]
    if path.startswith(("/v2", "/v1/models/")):
        assert isinstance(error, str)
    else:
        assert set(error) == {"message", "type", "param", "code"}


def test_a_fault_of_the_service_is_told_in_the_protocol_s_form(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    servables = client.app.state.services.servables  # type: ignore[attr-defined]
    monkeypatch.setattr(servables, "get", lambda *_: 1 / 0)
    assert isinstance(client.get("/v2/models/digit/ready").json()["error"], str)
    failed = client.post("/v1/completions", json={"model": "lstm", "prompt": "나는"})
    assert (failed.status_code, failed.json()["error"]["type"]) == (500, "server_error")


def test_the_configuration_is_as_triton_has_it(client: TestClient):
    for path in ("/v2/models/digit", "/v2/models/digit/versions/1"):
        config = client.get(f"{path}/config").json()
        assert (config["name"], config["max_batch_size"]) == ("digit", 32)
        assert config["input"] == [{"name": "image", "data_type": "TYPE_FP32", "dims": [28, 28, 1]}]
        assert config["output"] == [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]}]
    assert client.get("/v2/models/nope/config").status_code == 404


def test_the_statistics_count_what_was_predicted(client: TestClient):
    def counted(path: str) -> dict[str, object]:
        (found,) = [one for one in client.get(path).json()["model_stats"] if one["name"] == "digit"]
        return found  # type: ignore[no-any-return]

    before = counted("/v2/models/digit/stats")
    assert infer(client, {"inputs": [tensor(shape=[3, 28, 28, 1], data=[TENSOR.tolist()] * 3)]}).status_code == 200
    for path in ("/v2/models/digit/stats", "/v2/models/digit/versions/1/stats", "/v2/models/stats"):
        after = counted(path)
        assert after["version"] == "1"
        assert after["inference_count"] == before["inference_count"] + 3  # type: ignore[operator]
        stages = after["inference_stats"]
        assert stages["success"]["count"] == after["inference_count"]  # type: ignore[index]
        assert stages["success"]["ns"] >= stages["queue"]["ns"] + stages["compute_infer"]["ns"] - 10  # type: ignore[index]
        assert sum(one["compute_infer"]["count"] for one in after["batch_stats"]) == after["execution_count"]  # type: ignore[attr-defined]
    assert client.get("/v2/models/lstm/stats").status_code == 404


def test_a_model_is_told_to_both_kinds_of_clients(client: TestClient):
    listed = {one["id"]: one for one in client.get("/v1/models").json()["data"]}
    one = client.get("/v1/models/lstm").json()
    assert one["model_version_status"][0]["state"] == "AVAILABLE"
    assert {name: one[name] for name in listed["lstm"]} == listed["lstm"]
    assert (one["object"], one["owned_by"]) == ("model", "fitserve")
    assert listed["lstm"]["capabilities"] == {"completions": True}
    assert listed["digit"]["capabilities"] == {"completions": False}


GETS = (
    *("/", "/docs", "/static/style.css", "/openapi.json", "/metrics", "/health/live", "/jobs", "/models"),
    *("/v1/models", "/v1/models/digit", "/v2", "/v2/health/ready", "/v2/models/digit/stats"),
)


@pytest.mark.parametrize("path", GETS)
def test_whatever_has_get_has_head_and_options(client: TestClient, path: str):
    got, head, options = (client.request(method, path) for method in ("GET", "HEAD", "OPTIONS"))
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert options.status_code == 204
    assert {"GET", "HEAD", "OPTIONS"} <= set(options.headers["allow"].split(", "))


@pytest.mark.parametrize("path", ["/predict/digit", "/v1/models/digit:predict", "/v2/models/digit/infer", "/generate"])
def test_what_has_no_get_has_options_alone(client: TestClient, path: str):
    options, head = client.options(path), client.head(path)
    assert (options.status_code, options.headers["allow"]) == (204, "POST, OPTIONS")
    assert (head.status_code, head.headers["allow"]) == (405, "POST, OPTIONS")
    assert client.options("/nope").status_code == 404
