"""Clients that people have already, unmodified, against a running service."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton

from app.families.digit.normalise import normalise
from app.families.imaging import png
from tests.drawing import draw_digit
from tests.service import Service

SEVEN = draw_digit(7, 200, thickness=16)
TENSOR = normalise(SEVEN)[np.newaxis, ..., np.newaxis]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(store=tmp_path_factory.mktemp("clients") / "store", offline=True) as running:
        yield running


# ---- tritonclient


@pytest.fixture
def inference(service: Service) -> Iterator[Any]:
    with triton.InferenceServerClient(f"127.0.0.1:{service.port}") as client:
        yield client


def test_triton_s_client_asks_for_health_metadata_and_the_repository(inference: Any):
    assert inference.is_server_live()
    assert inference.is_server_ready()
    assert inference.is_model_ready("digit")
    assert inference.is_model_ready("digit", "1")
    assert not inference.is_model_ready("half")
    assert "binary_tensor_data" in inference.get_server_metadata()["extensions"]
    assert inference.get_model_metadata("digit")["inputs"] == [
        {"name": "image", "datatype": "FP32", "shape": [-1, 28, 28, 1]}
    ]
    assert {"name": "digit", "version": "1", "state": "READY", "reason": ""} in inference.get_model_repository_index()


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_triton_s_client_infers_from_tensors(inference: Any, binary: bool):
    image = triton.InferInput("image", [2, 28, 28, 1], "FP32")
    image.set_data_from_numpy(np.concatenate([TENSOR, TENSOR]), binary_data=binary)
    wanted = triton.InferRequestedOutput("probabilities", binary_data=binary)
    answer = inference.infer("digit", [image], outputs=[wanted], request_id="some")
    assert answer.as_numpy("probabilities").argmax(axis=1).tolist() == [7, 7]
    assert answer.get_response()["id"] == "some"


def test_triton_s_client_infers_from_a_picture_and_names_the_classes(inference: Any):
    picture = triton.InferInput("image", [1], "BYTES")
    picture.set_data_from_numpy(np.array([png(SEVEN)], dtype=object))
    wanted = triton.InferRequestedOutput("probabilities", class_count=3)
    (first, *_) = inference.infer("digit", [picture], outputs=[wanted]).as_numpy("probabilities").ravel()
    assert first.decode().endswith(":7:7")


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_triton_s_client_compresses_both_ways(inference: Any, algorithm: str, binary: bool):
    image = triton.InferInput("image", [40, 28, 28, 1], "FP32")
    image.set_data_from_numpy(np.repeat(TENSOR, 40, axis=0), binary_data=binary)
    answer = inference.infer(
        "digit",
        [image],
        outputs=[triton.InferRequestedOutput("probabilities", binary_data=binary)],
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    assert answer.as_numpy("probabilities").argmax(axis=1).tolist() == [7] * 40


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_triton_s_client_compresses_a_picture(inference: Any, algorithm: str):
    picture = triton.InferInput("image", [1], "BYTES")
    picture.set_data_from_numpy(np.array([png(SEVEN)], dtype=object))
    answer = inference.infer("digit", [picture], request_compression_algorithm=algorithm)
    assert answer.as_numpy("probabilities").argmax() == 7


def test_triton_s_client_hears_what_is_wrong(inference: Any):
    image = triton.InferInput("picture", [1, 28, 28, 1], "FP32")
    image.set_data_from_numpy(TENSOR)
    with pytest.raises(triton.InferenceServerException, match="expected one input, 'image'"):
        inference.infer("digit", [image])


# ---- curl, as TensorFlow Serving documents it


def curl(service: Service, path: str, *options: str) -> Any:
    command = ["curl", "-s", *options, f"http://127.0.0.1:{service.port}{path}"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)


def test_tensorflow_serving_s_documented_calls(service: Service, tmp_path: Path):
    status = curl(service, "/v1/models/digit")
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    assert curl(service, "/v1/models/digit/versions/1/metadata")["model_spec"]["version"] == "1"
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"instances": TENSOR.tolist()}))
    answer = curl(service, "/v1/models/digit:predict", "-d", f"@{body}", "-X", "POST")
    assert int(np.argmax(answer["predictions"][0])) == 7
    body.write_text(json.dumps({"examples": [{"image": TENSOR[0].tolist()}]}))
    answer = curl(service, "/v1/models/digit/labels/live:classify", "-d", f"@{body}")
    assert answer["results"][0][0][0] == "7"
    assert curl(service, "/v1/models/lstm:predict", "-d", '{"instances": [1]}')["error"].startswith("lstm continues")


def test_a_picture_is_a_body_by_itself(service: Service, tmp_path: Path):
    path = tmp_path / "seven.png"
    path.write_bytes(png(SEVEN))
    command = ["curl", "-s", "-D", "-", "-H", "Inference-Header-Content-Length: 0", "--data-binary", f"@{path}"]
    address = f"http://127.0.0.1:{service.port}/v2/models/digit/infer"
    answer = subprocess.run([*command, address], check=True, capture_output=True, timeout=30).stdout
    raw = np.frombuffer(answer[-40:], "<f4")
    assert int(raw.argmax()) == 7
