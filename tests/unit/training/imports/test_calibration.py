"""An imported network is calibrated on the data of the version beside it, where they are on this machine."""

from pathlib import Path

import pytest

from app.families.digit.spec import FAMILY
from app.settings import STARTERS
from app.store.version import FAMILIARITY, read_card
from app.training.imports.compatibility import ImportTarget

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # TensorFlow's variables
]


def like(**hyperparameters: str) -> ImportTarget:
    folder = STARTERS / "digit" / "1"
    return ImportTarget(FAMILY, read_card(folder).model_copy(update={"hyperparameters": hyperparameters}), folder)


def test_with_its_data_at_hand_an_import_says_what_is_familiar(tmp_path: Path):
    from app.families.digit.networks import compact  # noqa: PLC0415  heavy
    from app.training.imports.calibration import available_data, features_for, measure  # noqa: PLC0415

    data, network = available_data(like(dataset="sample")), compact()
    measured = measure(network, features_for(network, data), data, tmp_path)
    assert measured.calibration is not None
    assert (measured.calibration.measure, measured.calibration.fitted_on) == ("features", "validation")
    assert measured.features is not None
    assert (tmp_path / FAMILIARITY).is_file()


def test_without_data_an_import_says_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from app.families.digit.networks import compact  # noqa: PLC0415  heavy
    from app.training.imports.calibration import Measured, available_data, features_for, measure  # noqa: PLC0415

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("FITSERVE_DATA_DIR", str(tmp_path))
    data, network = available_data(like(dataset="mnist")), compact()
    assert data is None
    assert features_for(network, data) is None
    assert measure(network, None, data, tmp_path) == Measured()
    assert not (tmp_path / FAMILIARITY).exists()
