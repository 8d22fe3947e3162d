"""Clients that people have already, unmodified, against a running service."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
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


def test_triton_s_client_hears_what_is_wrong(inference: Any):
    image = triton.InferInput("picture", [1, 28, 28, 1], "FP32")
    image.set_data_from_numpy(TENSOR)
    with pytest.raises(triton.InferenceServerException, match="expected one input, 'image'"):
        inference.infer("digit", [image])


# ---- openai


@pytest.fixture
def completing(service: Service) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{service.port}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_openai_s_client_lists_the_models(completing: Any):
    assert {"digit", "cifar", "rnn", "lstm", "gru"} == {model.id for model in completing.models.list()}


def test_openai_s_client_completes_a_text(completing: Any):
    answer = completing.completions.create(model="lstm", prompt="나는 오늘", max_tokens=8, temperature=0)
    (choice,) = answer.choices
    assert choice.text.startswith(" ")
    assert choice.finish_reason in ("stop", "length")
    assert 1 <= answer.usage.completion_tokens <= 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    echoed = completing.completions.create(model="lstm", prompt="나는 오늘", max_tokens=8, temperature=0, echo=True)
    assert echoed.choices[0].text == f"나는 오늘{choice.text}"


def test_openai_s_client_streams_the_same_text(completing: Any):
    asked = {"model": "gru", "prompt": ["나는 오늘", "그는"], "max_tokens": 12, "seed": 3, "n": 2}
    whole = completing.completions.create(**asked)
    texts, reasons, usage = [""] * 4, [[] for _ in range(4)], []  # type: ignore[var-annotated]
    for chunk in completing.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        usage += [chunk.usage] if chunk.usage else []
        for choice in chunk.choices:
            texts[choice.index] += choice.text
            reasons[choice.index] += [choice.finish_reason] if choice.finish_reason else []
    assert texts == [choice.text for choice in whole.choices]
    assert reasons == [[choice.finish_reason] for choice in whole.choices], "each said once"
    assert usage == [whole.usage]


def test_a_stop_text_ends_a_completion_and_is_not_returned(completing: Any):
    whole = completing.completions.create(model="lstm", prompt="나는", max_tokens=16, temperature=0).choices[0].text
    stop = whole.split()[1][:1]
    cut = completing.completions.create(model="lstm", prompt="나는", max_tokens=16, temperature=0, stop=[stop])
    assert cut.choices[0].text == whole[: whole.index(stop)]
    assert cut.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [({"temperature": 3}, "temperature"), ({"max_tokens": 0}, "max_tokens"), ({"logprobs": 2}, "logprobs")],
)
def test_openai_s_client_hears_which_parameter_is_wrong(completing: Any, wrong: dict[str, Any], param: str):
    with pytest.raises(openai.BadRequestError) as caught:
        completing.completions.create(model="lstm", prompt="나는", **wrong)
    assert caught.value.param == param


def test_openai_s_client_hears_of_an_unknown_model(completing: Any):
    with pytest.raises(openai.NotFoundError) as caught:
        completing.completions.create(model="davinci", prompt="나는")
    assert caught.value.code == "model_not_found"


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
