"""Asking for a sweep: all that can be wrong with its space is said before it begins."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app import request_context
from app.datasets.datasets import Datasets
from app.datasets.uploads import RequestFiles
from app.errors import Conflict, InvalidRequest
from app.families.catalog import find_families
from app.families.contract import Family, at_most, with_whole_numbers
from app.jobs.job import Promote
from app.jobs.sweeps import Metric, NewSweep, Sweep, Sweeps
from app.store.model_store import ModelStore
from app.submission.training import models_of, parse_hyperparameters
from app.sweeps.search_space import MOST_DIMENSIONS, SPACE, Dimension, Space, corners, validated
from app.versions.names import check_free, check_name

MODEL = "The name of the model that is trained; by default the family's own, or the cell's."
MOST_FIXED = 100  # hyperparameters; no family has as many


class SweepRequest(BaseModel):
    """The definition of a sweep."""

    model_config = ConfigDict(extra="forbid", strict=True)

    family: str = Field(max_length=64, examples=["digit"])
    model: str | None = Field(None, max_length=64, description=MODEL)
    space: Annotated[
        dict[str, Dimension], Field(min_length=1, max_length=MOST_DIMENSIONS), at_most(MOST_DIMENSIONS)
    ] = Field(
        description="Search space: a range or choices for each hyperparameter.",
        examples=[{"learning_rate": {"low": 0.001, "high": 0.02, "log": True}, "batch_size": {"choices": [64, 128]}}],
    )
    trials: int = Field(20, ge=1, description="Number of trials, including those stopped early.")
    hyperparameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=MOST_FIXED,
        description="Fixed hyperparameters for all trials; must not repeat those in `space`.",
        examples=[{"epochs": 3}],
    )
    metric: Metric | None = Field(
        None,
        description="Metric to optimise, in a trial's best epoch. Default: `val_accuracy`, for text `val_loss`.",
    )
    stop_bad: bool = Field(
        True, description="Stop a trial that is worse than the median of the others after as many epochs."
    )
    promote: Promote = Field("if_better", description="When to promote the best version, as for a training.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the sampler.")
    priority: int = Field(0, ge=-100, le=100, description="Jobs with a higher priority start first.")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, files: Any) -> Any:
        return with_whole_numbers(files)


def submit_sweep(
    request: SweepRequest,
    *,
    sweeps: Sweeps,
    store: ModelStore,
    datasets: Datasets,
    max_models: int,
    max_trials: int,
    max_running: int,
    idempotency_key: str | None = None,
    idempotency_body: str | None = None,
) -> Sweep:
    """Begin a sweep.

    Raises InvalidRequest for what does not fit, MissingData for data that is not to be had, Busy when `max_running`
    sweeps run, and Conflict where the engine is not installed.
    """
    if find_spec("optuna") is None:
        raise Conflict("sweeps need Optuna: install fitserve[train]")
    family = find_families().get(request.family)
    if family is None:
        raise _invalid(
            ("family",), f"there is no family {request.family!r}; families: {', '.join(sorted(find_families()))}"
        )
    if request.trials > max_trials:
        raise _invalid(("trials",), f"at most {max_trials} trials, as FITSERVE_MAX_TRIALS says")
    if request.model is not None:
        check_name(request.model, family)
    metric: Metric = request.metric or ("val_loss" if family.task == "generate" else "val_accuracy")
    if metric == "val_accuracy" and family.task == "generate":
        raise _invalid(("metric",), f"{family.name} tells no accuracy: its metric is val_loss")
    with RequestFiles(datasets, sweeps.database) as files:
        settled = _settled(family, request, files.keep)
        space = validated(family, request.space, settled)
        model, fixed = _checked(family, space, settled, datasets, files.keep, request.model)
        new = NewSweep(
            family=family.name,
            model=model,
            space=SPACE.dump_python(space, mode="json"),
            hyperparameters=fixed,
            metric=metric,
            trials=request.trials,
            seed=request.seed,
            stop_bad=request.stop_bad,
            promote=request.promote,
            priority=request.priority,
            idempotency_key=idempotency_key,
            idempotency_body=idempotency_body,
        )

        def check() -> None:
            files.check()
            check_free(store, model, family, max_models)

        return sweeps.submit(new, max_running, check)[0]


def _settled(family: Family, request: SweepRequest, keep: Callable[[bytes], str]) -> dict[str, Any]:
    """The fixed hyperparameters, where a text that came along is a file now: it is read once, not for every
    combination.
    """
    fixed = request.hyperparameters
    if family.upload is None or family.upload.inline is None:
        return fixed
    content, name = family.upload.inline, family.upload.field
    if content in request.space:
        raise _invalid(("space", content), f"it is the content of a file: give it once, or choices of `{name}`")
    if fixed.get(content) is None:
        return fixed
    try:
        chosen = parse_hyperparameters(family, {part: fixed[part] for part in family.upload.sources if part in fixed})
    except InvalidRequest as fault:
        details = [{**detail, "loc": ("hyperparameters", *detail["loc"])} for detail in fault.details]  # type: ignore[misc]
        raise InvalidRequest(str(fault), details) from fault
    kept = getattr(family.jobs(chosen, keep)[0], name)
    return {other: value for other, value in fixed.items() if other != content} | {name: kept}


def _checked(
    family: Family,
    space: Space,
    fixed: dict[str, Any],
    datasets: Datasets,
    keep: Callable[[bytes], str],
    name: str | None,
) -> tuple[str, dict[str, Any]]:
    """The one model that all trials are of, and the fixed hyperparameters as they are kept.

    Combinations of all that is tried are checked, with the data that they need.
    """
    trials = [_jobs(family, {**fixed, **corner}, keep) for corner in corners(space)]
    jobs = [one for trial in trials for one in trial]
    models = {model for trial in trials for model in models_of(family, trial, name)}
    if len(models) > 1:
        raise _invalid(("space",), f"a sweep is of one model, and this one is of {', '.join(sorted(models))}")
    datasets.check([file for one in jobs for file in family.files(one)])
    whole = jobs[0].model_dump(mode="json", exclude_unset=True)
    return models.pop(), {name: value for name, value in whole.items() if name not in space}


def _jobs(family: Family, hyperparameters: dict[str, Any], keep: Callable[[bytes], str]) -> Sequence[Any]:
    request_context.check()
    try:
        return family.jobs(parse_hyperparameters(family, hyperparameters), keep)
    except InvalidRequest as fault:
        raise InvalidRequest(f"{fault} together: {hyperparameters}", fault.details) from fault


def _invalid(location: tuple[str, ...], why: str) -> InvalidRequest:
    return InvalidRequest("invalid sweep", [{"loc": location, "msg": why, "type": "value_error"}])
