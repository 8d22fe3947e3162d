"""Trainings with an absurd learning rate: the job, the card, the page's figures and the command line say what became
of them, and nothing of it answers anybody.
"""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.settings import STARTERS
from tests.service import FITSERVE, QUICK, Service

pytestmark = pytest.mark.train

ABSURD = {
    "digit": {**QUICK, "epochs": 3, "learning_rate": 1.0},
    "text": {"corpus": "sample", "units": 32, "epochs": 3, "learning_rate": 1.0},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = tmp_path_factory.mktemp("diverged") / "store"
    with Service(store=store, starters=STARTERS, offline=True) as started:
        yield started


@pytest.mark.parametrize("family", ABSURD)
@pytest.mark.parametrize("promote", ["if_better", "always"])
def test_a_diverged_training_says_so_and_does_not_go_live(service: Service, family: str, promote: str):
    model = {"digit": "digit", "text": "lstm"}[family]
    before = service.get(f"/models/{model}")["aliases"]
    ended = service.wait(service.train(family, **ABSURD[family], promote=promote))
    assert service.get(f"/models/{model}")["aliases"] == before
    if ended["status"] == "failed":  # where nothing can be published
        assert ended["error"].startswith("Diverged: "), ended
        return
    result = ended["result"]
    assert not result["promoted"]
    assert result["diverged"] in result["reason"]
    assert service.get(f"/models/{model}/versions/{result['version']}")["diverged"] == result["diverged"]


def test_a_sound_training_says_nothing_of_the_kind(service: Service):
    ended = service.wait(service.train(**QUICK, epochs=2, promote="never"))
    assert "diverged" not in ended["result"], ended
    assert service.get(f"/models/digit/versions/{ended['result']['version']}")["diverged"] is None


def test_the_command_line_says_so_too(tmp_path: Path):
    wishes = ["--dataset", "sample", "--network", "classic", "--epochs", "2", "--learning-rate", "1"]
    done = subprocess.run(
        [FITSERVE, "train", "digit", *wishes],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "FITSERVE_STORE": str(tmp_path / "store"),
            "FITSERVE_STARTERS": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "iverged" in done.stdout, done
    assert "live now" not in done.stdout
