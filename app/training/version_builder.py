"""From a trained network to a version: export, check, evaluate, publish."""

import math
import platform
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tensorflow

from app.families.catalog import family_named
from app.families.contract import Family, Recipe, Task
from app.jobs.job import Format, Job
from app.store.model_store import ModelStore
from app.store.version import Card, DataCard, TensorCard, checksums
from app.training import classifier_export, generator_export
from app.training.divergence import Diverged, divergence_in_curves, divergence_in_metrics, untrained_loss
from app.training.evaluation_result import EvaluationResult
from app.training.export import ExportMismatch
from app.training.training_loop import Report, TrainingResult

EXPORTERS: dict[Task, Callable[[Path, Any, TrainingResult, Sequence[Format]], EvaluationResult]] = {
    "classify": classifier_export.export_and_evaluate,
    "generate": generator_export.export_and_evaluate,
}
LIBRARIES = ("fitserve", "keras", "numpy", "onnx", "onnxruntime", "tf2onnx")


def publish(store: ModelStore, staged: Path, job: Job, recipe: Recipe, trained: TrainingResult, report: Report) -> Card:
    """Fill the staged folder, check it and make it a version; raises Diverged when there is nothing to publish."""
    data, position = trained.data, trained.position
    family = family_named(job.family)
    evaluation, divergence = _evaluated(staged, job, recipe, trained)
    if divergence:
        report("log", text=f"the training diverged: {divergence}")
    differences = {f"{name}_difference": difference for name, difference in evaluation.differences.items()}
    report("evaluated", metrics=evaluation.metrics, **differences)
    card = Card(
        model=job.model,
        version=1,
        family=family.name,
        title=family.title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        job=job.id,
        labels=evaluation.labels,
        input=TensorCard(**asdict(recipe.signature.input)),
        output=TensorCard(**asdict(recipe.signature.output)),
        states=tuple(TensorCard(**asdict(state)) for state in recipe.signature.states),
        features=evaluation.features,
        preprocessing=recipe.preprocessing,
        hyperparameters=recipe.hyperparameters.model_dump(mode="json"),
        command=command(family, job),
        data=DataCard(
            name=data.name,
            examples=data.examples,
            fingerprint=data.fingerprint,
            test_fingerprint=data.test_fingerprint,
        ),
        metrics=dict(evaluation.metrics),
        primary_metric=evaluation.primary_metric,
        better=evaluation.better,
        diverged=divergence,
        calibration=evaluation.calibration,
        curves=position.curves,
        parameters=int(evaluation.network.count_params()),
        training_seconds=round(position.seconds, 1),
        libraries=libraries(),
        files=checksums(staged),
    )
    return store.publish(staged, job.model, lambda number: card.model_copy(update={"version": number}))


def _evaluated(staged: Path, job: Job, recipe: Recipe, trained: TrainingResult) -> tuple[EvaluationResult, str | None]:
    """What the network is worth, and how its training diverged, if it did."""
    task = family_named(job.family).task
    untrained = untrained_loss(task, trained.data, recipe.signature)
    divergence = divergence_in_curves(trained.position.curves, untrained)
    try:
        evaluation = EXPORTERS[task](staged, recipe, trained, job.formats)
    except ExportMismatch as fault:  # with weights beyond all bounds two libraries do not agree
        if divergence:
            raise Diverged(f"nothing can be published: {divergence}") from fault
        raise
    divergence = divergence or divergence_in_metrics(evaluation, trained.data, untrained)
    if not all(map(math.isfinite, evaluation.metrics.values())):
        raise Diverged(f"nothing can be published: {divergence or 'its figures are no numbers'}")
    return evaluation, divergence


def command(family: Family, job: Job) -> str:
    """The command line that trains this version again."""
    chosen = job.hyperparameters
    trained = family.model(family.hyperparameters.model_validate(chosen))
    named = ["--model", job.model] if job.model != trained else []
    options = [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    formats = [word for name in job.formats for word in ("--formats", name)]
    return shlex.join(["fitserve", "train", family.name, *named, *options, *formats])


def libraries() -> dict[str, str]:
    """The versions of all that had a part in the figures."""
    found = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "tensorflow": tensorflow.__version__, **found}
