"""Photographs, on the real CIFAR-10, where it is at hand."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.datasets.datasets import Datasets
from app.families.cifar.files import IMAGENET
from app.families.cifar.spec import FAMILY
from app.families.imaging import png, read_picture
from app.serving.runtimes.onnx import OnnxRuntime
from app.settings import STARTERS
from app.store.model_store import ModelStore
from app.training.calibration import expected_calibration_error
from bench.familiar import unfamiliar
from bench.strange import digits
from tests.stored_versions import load_version

pytestmark = pytest.mark.train


def test_the_starter_is_as_good_on_uploaded_pictures_as_its_card_says(cifar10: Path):
    card, servable = load_version(ModelStore(STARTERS), OnnxRuntime(2), FAMILY, "cifar", 1)
    with np.load(cifar10) as file:
        pictures, labels = file["x_test"], file["y_test"].ravel()
    instances = [
        servable.decode(
            read_picture(png(picture), max_pixels=10_000, min_decode_size=servable.min_decode_size), "centre"
        )
        for picture in pictures
    ]
    outputs = np.concatenate([servable.predict(instances[at : at + 100]) for at in range(0, len(instances), 100)])
    assert (outputs.argmax(axis=1) == labels).mean() == pytest.approx(card.metrics["test_accuracy"], abs=2e-4)
    assert card.metrics["test_accuracy"] >= 0.9
    assert expected_calibration_error(outputs, labels) == pytest.approx(
        card.metrics["test_calibration_error"], abs=1e-3
    )
    assert card.files["model.onnx"].size < 12_000_000


def test_the_starter_calls_few_photographs_unfamiliar_and_most_digits(cifar10: Path, mnist: Path):
    card, servable = load_version(ModelStore(STARTERS), OnnxRuntime(2), FAMILY, "cifar", 1)
    assert card.calibration is not None
    with np.load(cifar10) as file, np.load(mnist) as others:
        assert unfamiliar(servable, file["x_test"]) <= 0.05
        assert unfamiliar(servable, digits(others["x_test"], 500, seed=9)) >= 0.9


def test_the_bench_of_training_runs_on_a_few_pictures(cifar10: Path):
    if Datasets(cifar10.parent, offline=True).find(IMAGENET["vgg16"]) is None:
        pytest.skip("needs VGG16's weights in FITSERVE_DATA_DIR")
    command = [sys.executable, "-m", "bench.train_cifar", "--quick", "--epochs", "0"]
    environment = {**os.environ, "FITSERVE_DATA_DIR": str(cifar10.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "plain Keras script" in done.stdout
    assert "`--recipe classic`" in done.stdout
