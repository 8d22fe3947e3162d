"""Calibrates an imported classifier on the data that the version beside it was trained on, where they are at hand."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from app.datasets.datasets import Datasets
from app.errors import MissingData
from app.families.contract import Data, DataFile, Features, Network, Reference, Split, load
from app.families.familiarity import write_familiarity
from app.families.features import features_of, with_features
from app.settings import Settings
from app.store.version import FAMILIARITY, Calibration, FeaturesCard
from app.training.calibration import calibrate, predict
from app.training.imports.compatibility import ImportTarget

Examples = TypeVar("Examples", Split, Reference)

EXAMPLES = 2000  # of validation and of training: an import does not take the time of a training


@dataclass(frozen=True)
class Measured:
    """What a card says of the confidence of an imported network; None where there were no data."""

    calibration: Calibration | None = None
    features: FeaturesCard | None = None


def available_data(target: ImportTarget) -> Data | None:
    """The data of the version that a network is to stand beside, if they need no download; None for generators."""
    if target.family.task != "classify":
        return None
    datasets = Datasets(Settings().data_dir, offline=True)

    def path(file: DataFile) -> Path:
        return datasets.path(file, _no_download)

    recipe = load(target.family.recipe)(target.family.hyperparameters(**target.card.hyperparameters))
    try:
        data: Data = recipe.data(path)
    except MissingData:
        return None
    return data if data.labels == target.card.labels else None


def features_for(network: Network, data: Data | None) -> Features | None:
    """The features that an imported network is exported with: none without data to fit them on."""
    return features_of(network) if data and data.reference else None


def measure(network: Network, features: Features | None, data: Data | None, staged: Path) -> Measured:
    """Fit the calibration to some of the data, and put what tells familiar pictures into the folder."""
    if data is None:
        return Measured()
    whole = with_features(network, features)
    few = replace(data, validation=_first(data.validation), reference=data.reference and _first(data.reference))
    known = predict(whole, few.reference) if few.reference else None
    calibration, familiarity = calibrate(predict(whole, few.validation), known, few)
    if familiarity:
        write_familiarity(staged / FAMILIARITY, familiarity)
    return Measured(calibration, FeaturesCard(**asdict(features)) if features else None)


def _first(split: Examples) -> Examples:
    return replace(split, inputs=split.inputs[:EXAMPLES], targets=split.targets[:EXAMPLES])


def _no_download(file: DataFile) -> Path:
    raise MissingData(f"{file.name} is not on this machine")
