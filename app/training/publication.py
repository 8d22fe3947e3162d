"""From a trained network to a version: export, check, evaluate, publish."""

import platform
import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import tensorflow

from app.families.catalog import family_named
from app.families.contract import Family, Recipe
from app.jobs.job import Job
from app.store.model_store import ModelStore
from app.store.version import Card, DataCard, TensorCard, checksums
from app.training.calibration import calibrate, predict
from app.training.evaluation import evaluate, write_evaluation
from app.training.export import as_served, check, export
from app.training.trainer import Report, Trained

PRIMARY_METRIC = "test_accuracy"
SAMPLES = 256  # real examples on which ONNX and Keras must agree
LIBRARIES = ("fitserve", "keras", "numpy", "onnx", "onnxruntime", "tf2onnx")


def publish(store: ModelStore, staged: Path, job: Job, recipe: Recipe, trained: Trained, report: Report) -> Card:
    """Fill the staged folder, check it and make it a version."""
    network, data, position = as_served(trained.network), trained.data, trained.position
    family = family_named(job.family)
    export(network, staged, recipe.signature)
    difference = check(network, staged, recipe.signature, data.test.inputs[:SAMPLES])
    tested = predict(network, data.test)
    validated = tested if data.validation is data.test else predict(network, data.validation)
    calibration = calibrate(validated, data)
    metrics, evaluation = evaluate(tested, data, calibration)
    report("evaluated", metrics=metrics, onnx_difference=difference)
    write_evaluation(staged, evaluation, position.curves, data.test.inputs)
    card = Card(
        model=job.model,
        version=1,
        family=family.name,
        title=family.title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        job=job.id,
        labels=data.labels,
        input=TensorCard(**asdict(recipe.signature.input)),
        output=TensorCard(**asdict(recipe.signature.output)),
        preprocessing=recipe.preprocessing,
        hyperparameters=recipe.hyperparameters.model_dump(mode="json"),
        command=command(family, job),
        data=DataCard(
            name=data.name,
            examples=data.examples,
            fingerprint=data.fingerprint,
            test_fingerprint=data.test_fingerprint,
        ),
        metrics=metrics,
        primary_metric=PRIMARY_METRIC,
        calibration=calibration,
        curves=position.curves,
        parameters=int(network.count_params()),
        training_seconds=round(position.seconds, 1),
        libraries=libraries(),
        files=checksums(staged),
    )
    return store.publish(staged, job.model, lambda number: card.model_copy(update={"version": number}))


def command(family: Family, job: Job) -> str:
    """The command line that trains this version again."""
    chosen = job.hyperparameters
    options = [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return shlex.join(["fitserve", "train", family.name, *options])


def libraries() -> dict[str, str]:
    """The versions of all that had a part in the figures."""
    found = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "tensorflow": tensorflow.__version__, **found}
