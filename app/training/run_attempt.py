"""One attempt at a job, from the data to the promoted version."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from app.datasets.datasets import Datasets
from app.families.catalog import family_named
from app.families.contract import Data, DataFile, Recipe, load
from app.jobs.job import Job
from app.jobs.journal import Journal
from app.logging import log
from app.settings import Settings
from app.store.model_store import ModelStore
from app.store.version import Card
from app.training.checkpoints import Checkpoints
from app.training.feature_cache import FeatureCache
from app.training.tensorboard import TensorBoardReport
from app.training.training_loop import Report, TrainingResult, train
from app.versions.promotion import Rematch, promote
from app.versions.retention import prune


def run_attempt(
    job: Job, settings: Settings, store: ModelStore, journal: Journal, staged: Path, report: Report
) -> dict[str, Any]:
    """Train, publish and promote; returns the job's result. What an earlier attempt finished is not done again."""
    card = store.published_by(job.model, job.id)
    family, recipe, data = family_named(job.family), make_recipe(job), None
    if card is None:
        if settings.tensorboard:
            report = TensorBoardReport(report, settings.workspace / job.id / "tensorboard")
        trained = _train(job, recipe, settings, store, report)
        data = trained.data
        from app.training.version_builder import publish  # noqa: PLC0415  training need not wait for matplotlib and ONNX

        card = publish(store, staged, job, recipe, trained, report)
    report("published", version=card.version)

    def measure(live: Card) -> Rematch:
        from app.training.rematch import rematch  # noqa: PLC0415  nor for this

        return rematch(store, family, card, live, recipe, lambda: data or _data(recipe, settings, store))

    own = job.model not in family.built_in_models
    promoted, reason = promote(store, card, job.promote, own=own, measure=measure)
    report("promoted" if promoted else "log", version=card.version, text=reason)
    if (
        settings.keep_versions
        and job.sweep is None
        and (gone := prune(store, journal.database, card.model, settings.keep_versions))
    ):
        report("log", text=f"removed as only {settings.keep_versions} are kept: versions {', '.join(map(str, gone))}")
    result = {"model": card.model, "version": card.version, "promoted": promoted, "reason": reason}
    return result | ({"diverged": card.diverged} if card.diverged else {})


def make_recipe(job: Job) -> Recipe:
    """The recipe that a job asks for."""
    family = family_named(job.family)
    recipe: Recipe = load(family.recipe)(family.hyperparameters.model_validate(job.hyperparameters))
    return recipe


def _train(job: Job, recipe: Recipe, settings: Settings, store: ModelStore, report: Report) -> TrainingResult:
    if settings.trainer_threads:
        tf.config.threading.set_intra_op_parallelism_threads(settings.trainer_threads)
    keras.utils.set_random_seed(recipe.hyperparameters.seed)
    data = _data(recipe, settings, store)
    for notice in data.notes:
        log.info("about the data", **notice)
        report("log", **notice)
    network = recipe.network(data)
    checkpoints = Checkpoints(store.jobs.of(job.id), settings.checkpoint_interval_seconds)
    features = FeatureCache(
        settings.feature_cache_folder, settings.max_feature_cache_bytes, settings.feature_cache_days
    )
    position = train(network, data, recipe.phases(data), checkpoints, features, report)
    return TrainingResult(network, data, position)


def _data(recipe: Recipe, settings: Settings, store: ModelStore) -> Data:
    datasets = Datasets(settings.data_dir, offline=settings.offline, uploads=store.corpora)
    return recipe.data(lambda file: datasets.path(file, download))


def download(file: DataFile) -> Path:
    """Fetch a file into Keras' cache, check its digest and return where it lies; raises whatever Keras raises."""
    return Path(keras.utils.get_file(file.name, file.origin, cache_subdir=file.folder, file_hash=file.digest))
