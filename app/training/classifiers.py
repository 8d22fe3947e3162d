"""From a trained classifier to the files and figures of a version."""

from collections.abc import Sequence
from pathlib import Path

from app.families.contract import Recipe
from app.jobs.job import Format
from app.training.appraisal import Appraisal
from app.training.calibration import calibrate, predict
from app.training.evaluation import evaluate, write_evaluation, write_guesses
from app.training.export import as_served, check, export
from app.training.trainer import Trained

SAMPLES = 256  # real examples on which what is exported and Keras must agree


def appraise(staged: Path, recipe: Recipe, trained: Trained, formats: Sequence[Format]) -> Appraisal:
    """Export, check, calibrate, evaluate and draw into the staged folder."""
    network, data = as_served(trained.network), trained.data
    export(network, staged, recipe.signature, formats)
    differences = check(network, staged, recipe.signature, data.test.inputs[:SAMPLES], formats)
    tested = predict(network, data.test)
    validated = tested if data.validation is data.test else predict(network, data.validation)
    calibration = calibrate(validated, data)
    metrics, evaluation = evaluate(tested, data, calibration)
    write_guesses(staged, tested, data)
    write_evaluation(staged, evaluation, trained.position.curves, data.test.inputs)
    return Appraisal(network, metrics, "test_accuracy", "higher", differences, calibration, data.labels)
