"""A service that predicts on TensorFlow: the same answers, and the truth about what it runs and whether it works."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.families.imaging import png
from app.settings import STARTERS
from app.store.model_store import ModelStore
from app.store.version import Card, checksums
from tests.drawing import draw_digit
from tests.service import Service

pytestmark = pytest.mark.train

SEVEN = png(draw_digit(7, 28, 2.5))
BLANK = [[[0.0]] * 28] * 28

# Digits as a SavedModel that fails, as a lost device does, where a pixel is far too bright.
SAVE = """
import sys
import keras, tensorflow as tf

folder = sys.argv[1]
network = keras.saving.load_model(f"{folder}/model.keras", compile=False)
module = tf.Module()
module.network = network


@tf.function(input_signature=[tf.TensorSpec([None, 28, 28, 1], tf.float32, "image")])
def serve(image):
    tf.debugging.assert_less(image, 100.0, "the device is gone")
    return {"probabilities": network(image, training=False)}


tf.saved_model.save(module, folder, signatures={"serving_default": serve})
"""


def publish(store: ModelStore, *without: str, save: bool = False) -> None:
    """Publish the digits' starter once more, without some files or with a SavedModel that may fail."""
    staged = store.stage("test")
    shutil.copytree(STARTERS / "digit" / "1", staged, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*without))
    if save:
        subprocess.run([sys.executable, "-c", SAVE, staged], check=True, capture_output=True)
    (staged / "version.json").unlink()
    without_features = {"files": checksums(staged), "features": None, "calibration": None}
    starter = ModelStore(STARTERS).card("digit", 1).model_copy(update=without_features)

    def card(number: int) -> Card:
        return starter.model_copy(update={"version": number})

    store.publish(staged, "digit", card)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Version 1 of the digits has no SavedModel, 2 has one, 3 has nothing for TensorFlow; 1 is live."""
    root = tmp_path_factory.mktemp("store")
    store = ModelStore(root)
    store.seed(STARTERS)
    publish(store, save=True)
    publish(store, "model.keras")
    with Service(store=root, offline=True, runtime="tensorflow") as started:
        yield started


def test_health_says_what_predicts_and_why(service: Service):
    health = service.get("/health/ready")
    assert (health["ready"], health["runtime"], health["runtime_fault"]) == (True, "tensorflow", None)
    assert "FITSERVE_RUNTIME" in health["runtime_reason"]


def test_the_metadata_says_what_each_version_runs_on(service: Service):
    platforms = [service.get(f"/v2/models/digit/versions/{version}")["platform"] for version in (1, 2)]
    assert platforms == ["tensorflow_keras", "tensorflow_savedmodel"]


def test_pictures_and_texts_are_answered(service: Service):
    for version in (1, 2):
        answer = service.client.post(f"/predict/digit?version={version}", files={"file": SEVEN}).json()
        assert (answer["version"], answer["label"]) == (version, "7")
    files = [("files", SEVEN)] * 40  # more than are run together
    assert {one["label"] for one in service.client.post("/predict/digit/batch", files=files).json()} == {"7"}
    told = service.client.post("/generate", json={"seed_text": "나는 오늘", "next_words": 3}).json()
    assert len(told["words"]) == 3


def test_a_version_without_anything_for_tensorflow_is_refused_with_the_reason(service: Service):
    refused = service.client.post("/predict/digit?version=3", files={"file": SEVEN})
    assert refused.status_code == 409
    assert "neither saved_model.pb nor model.keras" in refused.json()["detail"]


def test_a_device_that_fails_is_told_and_so_is_its_return(service: Service):
    path = "/v1/models/digit/versions/2:predict"
    broken = json.dumps({"instances": [BLANK]}).replace("0.0", "1000.0", 1)
    failed = service.client.post(path, content=broken)
    assert failed.status_code == 503
    assert "the device is gone" in failed.json()["error"]
    health = service.client.get("/health/ready")
    assert health.status_code == 503
    assert "the device is gone" in health.json()["runtime_fault"]
    assert service.client.get("/v2/health/ready").status_code == 503
    assert service.client.post(path, json={"instances": [BLANK]}).status_code == 200
    assert service.get("/health/ready")["ready"]
    assert service.get("/v2/health/ready") == {"ready": True}
