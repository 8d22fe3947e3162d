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
        assert client.get(path).json() == {"model_version_status": [expected]}
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


def test_not_a_number_is_a_number(client: TestClient):
    body = '{"instances": [' + json.dumps(np.full((28, 28, 1), np.nan).tolist()) + "]}"
    assert "NaN" in client.post("/v1/models/digit:predict", content=body).text


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
    assert client.get("/v2/models/nope").json() == {"error": "there is no model 'nope'"}
    (entry,) = [one for one in client.post("/v2/repository/index").json() if one["name"] == "digit"]
    assert (entry["version"], entry["state"]) == ("1", "READY")


def test_a_service_that_is_leaving_is_not_ready(client: TestClient):
    client.app.state.leaving = True  # type: ignore[attr-defined]
    answer = client.get("/v2/health/ready")
    client.app.state.leaving = False  # type: ignore[attr-defined]
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
