"""One attempt at a job, from the data to the promoted version."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from app.datasets.datasets import Datasets
from app.families.catalog import family_named
from app.families.contract import Recipe, load
from app.jobs.job import Job
from app.jobs.journal import Journal
from app.logging import log
from app.settings import Settings
from app.store.model_store import ModelStore
from app.training.checkpoints import Checkpoints
from app.training.download import download
from app.training.feature_cache import FeatureCache
from app.training.tensorboard import TensorBoardReport
from app.training.training_loop import Report, Trained, train
from app.versions.promotion import promote
from app.versions.retention import prune


def attempt(
    job: Job, settings: Settings, store: ModelStore, journal: Journal, staged: Path, report: Report
) -> dict[str, Any]:
    """Train, publish and promote; returns the job's result. What an earlier attempt finished is not done again."""
    card = store.published_by(job.model, job.id)
    if card is None:
        recipe = make_recipe(job)
        if settings.tensorboard:
            report = TensorBoardReport(report, settings.workspace / job.id / "tensorboard")
        trained = _train(job, recipe, settings, store, report)
        from app.training.version_builder import publish  # noqa: PLC0415  training need not wait for matplotlib and ONNX

        card = publish(store, staged, job, recipe, trained, report)
    report("published", version=card.version)
    promoted, reason = promote(store, card, job.promote)
    report("promoted" if promoted else "log", version=card.version, text=reason)
    if settings.keep and job.sweep is None and (gone := prune(store, journal.database, card.model, settings.keep)):
        report("log", text=f"removed as only {settings.keep} are kept: versions {', '.join(map(str, gone))}")
    result = {"model": card.model, "version": card.version, "promoted": promoted, "reason": reason}
    return result | ({"diverged": card.diverged} if card.diverged else {})


def make_recipe(job: Job) -> Recipe:
    """The recipe that a job asks for."""
    family = family_named(job.family)
    recipe: Recipe = load(family.recipe)(family.hyperparameters.model_validate(job.hyperparameters))
    return recipe


def _train(job: Job, recipe: Recipe, settings: Settings, store: ModelStore, report: Report) -> Trained:
    if settings.trainer_threads:
        tf.config.threading.set_intra_op_parallelism_threads(settings.trainer_threads)
    keras.utils.set_random_seed(recipe.hyperparameters.seed)
    datasets = Datasets(settings.data_dir, offline=settings.offline, given=store.corpora)
    data = recipe.data(lambda file: datasets.path(file, download))
    for note in data.notes:
        log.info("about the data", **note)
        report("log", **note)
    network = recipe.network(data)
    checkpoints = Checkpoints(store.jobs.of(job.id), settings.checkpoint_seconds)
    features = FeatureCache(settings.features_folder, settings.max_features_bytes, settings.features_days)
    position = train(network, data, recipe.phases(data), checkpoints, features, report)
    return Trained(network, data, position)
