"""/predict/cifar and /train/cifar: photographs answered by the starter version, and requests that cannot work."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pillow_heif import register_heif_opener
from starlette.testclient import TestClient

from app.families.cifar.data import CIFAR10_LABELS
from app.families.imaging import png
from app.settings import Settings
from bench.strange import KINDS, strange

PLANE = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "plane.jpg"


def plane(kind: str = "PNG", mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    Image.open(PLANE).convert(mode).save(content, kind)
    return content.getvalue()


def test_a_photograph_gets_ten_labelled_probabilities(unchanged: TestClient):
    answer = unchanged.post("/predict/cifar", files={"file": PLANE.read_bytes()}).json()
    assert (answer["model"], answer["version"], answer["label"]) == ("cifar", 1, "airplane")
    assert sorted(answer["probabilities"]) == sorted(CIFAR10_LABELS)
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert answer["familiar"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_other_things_are_unfamiliar(unchanged: TestClient, kind: str):
    files = [("files", png(picture)) for picture in strange(kind, 20, seed=7)]
    answers = unchanged.post("/predict/cifar/batch", files=files).json()
    assert sum(not answer["familiar"] for answer in answers) >= 17  # of 20; nine in ten over all kinds


def test_no_protocol_shows_features(unchanged: TestClient):
    picture = base64.b64encode(plane()).decode()
    described = unchanged.get("/v2/models/cifar").json()
    assert [output["name"] for output in described["outputs"]] == ["probabilities"]
    inputs = [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [picture]}]
    answer = unchanged.post("/v2/models/cifar/infer", json={"inputs": inputs}).json()
    assert [(output["name"], output["shape"]) for output in answer["outputs"]] == [("probabilities", [1, 10])]
    signature = unchanged.get("/v1/models/cifar/metadata").json()["metadata"]["signature_def"]["signature_def"]
    assert list(signature["serving_default"]["outputs"]) == ["probabilities"]
    predictions = unchanged.post("/v1/models/cifar:predict", json={"instances": [{"b64": picture}]}).json()
    assert np.shape(predictions["predictions"]) == (1, 10)


def test_a_telephones_heic_is_classified(unchanged: TestClient):
    register_heif_opener()
    answer = unchanged.post("/predict/cifar", files={"file": plane("HEIF")}).json()
    assert answer["label"] == "airplane"
    as_body = unchanged.post("/predict/cifar", content=plane("AVIF"), headers={"Content-Type": "image/avif"}).json()
    assert as_body["label"] == "airplane"


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "RGBA"), ("JPEG", "CMYK"), ("WEBP", "RGB")])
def test_formats_and_modes_do_not_matter(unchanged: TestClient, kind: str, mode: str):
    answer = unchanged.post("/predict/cifar?top_k=1", files={"file": plane(kind, mode)}).json()
    assert list(answer["probabilities"]) == ["airplane"]


def test_the_crop_is_chosen_by_the_request_or_the_setting(unchanged: TestClient, settings: Settings):
    wide = Image.new("RGB", (300, 100), "blue")
    wide.paste("yellow", (100, 0, 200, 100))
    content = io.BytesIO()
    wide.save(content, "PNG")

    def seen(query: str) -> bytes:
        return unchanged.post(f"/predict/cifar?debug=input{query}", files={"file": content.getvalue()}).content

    assert settings.crop == "centre"
    assert seen("") == seen("&crop=centre") != seen("&crop=whole")
    assert unchanged.post("/predict/cifar?crop=left", files={"file": content.getvalue()}).status_code == 422


def test_a_batch_is_answered_in_order(unchanged: TestClient):
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "PNG")
    files = [("files", plane()), ("files", b"nothing"), ("files", content.getvalue())]
    first, second, third = unchanged.post("/predict/cifar/batch", files=files).json()
    assert first["label"] == "airplane"
    assert second["status"] == 422
    assert third["confidence"] < first["confidence"]


def test_weights_that_do_not_fit_are_refused_before_the_job(client: TestClient, settings: Settings):
    assert settings.data_dir is not None
    settings.data_dir.mkdir()
    (settings.data_dir / "vgg16_imagenet_notop.h5").write_bytes(b"a page about weights")
    body = {"recipe": "classic", "dataset": "sample"}
    answer = client.post("/train/cifar", json=body)
    assert answer.status_code == 409
    assert "not a weights file" in answer.json()["detail"]
    (settings.data_dir / "vgg16_imagenet_notop.h5").unlink()
    missing = client.post("/train/cifar", json=body)
    assert missing.status_code == 409
    assert "vgg16_imagenet_notop.h5" in missing.json()["detail"]
    assert client.get("/jobs").json() == []


def test_hyperparameters_that_do_not_go_together_are_refused_with_the_reason(client: TestClient):
    answer = client.post("/train/cifar", json={"recipe": "classic", "epochs": 3})
    assert answer.status_code == 422
    assert "head_epochs" in answer.text
