"""The same journeys on the real MNIST, where it is at hand."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from app.families.digit.spec import FAMILY
from app.families.imaging import png, read_picture
from app.serving.runtimes.onnx import OnnxRuntime
from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.service import Caller, Service
from tests.stored_versions import load_version


def test_the_starter_is_as_good_on_uploaded_pictures_as_its_card_says(mnist: Path):
    card, servable = load_version(ModelStore(STARTERS), OnnxRuntime(2), FAMILY, "digit", 1)
    with np.load(mnist) as file:
        pictures, labels = file["x_test"], file["y_test"]
    for polarity in (pictures, 255 - pictures):
        instances = [servable.decode(read_picture(png(picture), max_pixels=10_000), "whole") for picture in polarity]
        outputs = np.concatenate([servable.predict(instances[at : at + 100]) for at in range(0, len(instances), 100)])
        accuracy = (outputs.argmax(axis=1) == labels).mean()
        assert accuracy == pytest.approx(card.metrics["test_accuracy"], abs=0.0002)
        assert accuracy >= 0.996


@pytest.mark.train
def test_an_epoch_of_mnist_is_trained_and_published_while_every_request_is_answered(mnist: Path, tmp_path: Path):
    with np.load(mnist) as file:
        picture, label = png(file["x_test"][0]), str(file["y_test"][0])
    with Service(store=tmp_path / "store", starters=STARTERS, data_dir=mnist.parent, offline=True) as service:
        caller = Caller(service, picture)
        thread = threading.Thread(target=caller)
        thread.start()
        ended = service.wait(service.train(epochs=1, promote="always"))
        time.sleep(1)
        caller.stop()
        thread.join()
        assert ended["status"] == "succeeded", ended
        assert ended["metrics"]["test_accuracy"] > 0.98
        assert [version["version"] for version in service.get("/models/digit")["versions"]] == [1, 2]
        assert caller.failures == []
        assert {answer["label"] for answer in caller.answers} == {label}
        assert caller.answers[-1]["version"] == 2
