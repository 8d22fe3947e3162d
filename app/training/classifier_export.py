"""From a trained classifier to the files and figures of a version."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from app.families.contract import Recipe
from app.families.familiarity import write_familiarity
from app.families.features import features_of, with_features
from app.jobs.job import Format
from app.store.version import FAMILIARITY, FeaturesCard
from app.training.calibration import calibrate, predict
from app.training.evaluation import evaluate, write_evaluation, write_predictions
from app.training.evaluation_result import EvaluationResult
from app.training.export import as_served, check, export
from app.training.training_loop import TrainingResult

SAMPLES = 256  # real examples on which what is exported and Keras must agree


def export_and_evaluate(
    staged: Path, recipe: Recipe, trained: TrainingResult, formats: Sequence[Format]
) -> EvaluationResult:
    """Export, check, calibrate, evaluate and draw into the staged folder."""
    network, data = as_served(trained.network), trained.data
    features = features_of(network) if data.reference else None
    signature, whole = replace(recipe.signature, features=features), with_features(network, features)
    export(network, staged, signature, formats)
    differences = check(whole, staged, signature, data.test.inputs[:SAMPLES], formats)
    tested = predict(whole, data.test)
    validated = tested if data.validation is data.test else predict(whole, data.validation)
    known = predict(whole, data.reference) if data.reference else None
    calibration, familiarity = calibrate(validated, known, data)
    metrics, evaluation = evaluate(tested.probabilities, data, calibration)
    if familiarity:
        write_familiarity(staged / FAMILIARITY, familiarity)
    write_predictions(staged, tested.probabilities, data)
    write_evaluation(staged, evaluation, trained.position.curves, data.test.inputs)
    return EvaluationResult(
        network,
        metrics,
        "test_accuracy",
        "higher",
        differences,
        calibration,
        data.labels,
        FeaturesCard(**asdict(features)) if features else None,
    )
