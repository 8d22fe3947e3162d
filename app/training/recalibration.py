"""Calibrates a trained version's folder anew, in place: `python -m app.training.recalibration FOLDER`.

For a starter version made before a change to calibration or export; what a store holds is never altered.
"""

import sys
from pathlib import Path

import keras

from app.datasets.datasets import Datasets
from app.errors import MissingData
from app.families.catalog import family_named
from app.families.contract import DataFile, load
from app.settings import Settings
from app.store.version import CARD, KERAS, Card, checksums, read_card
from app.training.checkpoints import Position
from app.training.classifier_export import export_and_evaluate
from app.training.training_loop import TrainingResult
from app.training.version_builder import libraries


def recalibrate(folder: Path, datasets: Datasets) -> Card:
    """Export, check, calibrate and evaluate a classifier's Keras network again, on the data that its card names.

    Raises MissingData when the data are not on this machine.
    """
    card = read_card(folder)
    family = family_named(card.family)
    recipe = load(family.recipe)(family.hyperparameters(**card.hyperparameters))
    network = keras.saving.load_model(folder / KERAS, compile=False, safe_mode=True)
    data = recipe.data(lambda file: datasets.path(file, _refuse))
    evaluation = export_and_evaluate(folder, recipe, TrainingResult(network, data, Position(curves=card.curves)), ())
    update = {
        "metrics": dict(evaluation.metrics),
        "calibration": evaluation.calibration,
        "features": evaluation.features,
        "libraries": libraries(),
        "files": checksums(folder),
    }
    anew = card.model_copy(update=update)
    (folder / CARD).write_text(anew.model_dump_json(indent=1))
    return anew


def _refuse(file: DataFile) -> Path:
    raise MissingData(f"{file.name} is not on this machine")


if __name__ == "__main__":
    print(recalibrate(Path(sys.argv[1]), Datasets(Settings().data_dir, offline=True)).calibration)  # noqa: T201
