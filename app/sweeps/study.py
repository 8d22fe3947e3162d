"""The engine of sweeps, Optuna: which hyperparameters to try next, and which trial is not worth its time.

It keeps nothing: what it knows is rebuilt from the journal each time it is asked.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from app.jobs.job import Status
from app.jobs.sweeps import Sweep
from app.sweeps.search_space import Choices, Dimension, Space
from app.sweeps.trials import Trial

MOST_RANDOM = 10  # trials drawn at random before the others are chosen by them
LEAST_COMPARED = 3  # trials that end in peace before any is stopped for being worse than their median
LEAST_EPOCHS = 1  # of a trial before it is stopped

optuna.logging.set_verbosity(optuna.logging.WARNING)


def suggest(sweep: Sweep, space: Space, trials: Sequence[Trial]) -> dict[str, Any]:
    """What the next trial shall try, after these; the same after the same."""
    study = _study(sweep, space, trials)
    chosen: dict[str, Any] = study.ask(_distributions(space)).params
    return chosen


def should_prune(sweep: Sweep, space: Space, trials: Sequence[Trial]) -> list[Trial]:
    """Those under way that are worse than the median of the others was after as many epochs."""
    study = _study(sweep, space, trials)
    known = zip(trials, study.get_trials(deepcopy=False), strict=True)
    unended = [(trial, seen) for trial, seen in known if seen.state is TrialState.RUNNING and not trial.control_request]
    return [trial for trial, seen in unended if study.pruner.prune(study, seen)]


def _study(sweep: Sweep, space: Space, trials: Sequence[Trial]) -> optuna.Study:
    sampler = optuna.samplers.TPESampler(
        seed=sweep.seed + len(trials), n_startup_trials=min(MOST_RANDOM, max(1, sweep.trials // 3)), constant_liar=True
    )
    pruner = optuna.pruners.MedianPruner(n_startup_trials=LEAST_COMPARED, n_warmup_steps=LEAST_EPOCHS)
    direction = StudyDirection.MAXIMIZE if sweep.higher_is_better else StudyDirection.MINIMIZE
    study = optuna.create_study(direction=direction, sampler=sampler, pruner=pruner)
    distributions = _distributions(space)
    study.add_trials([_frozen_trial(trial, distributions) for trial in trials])
    return study


def _frozen_trial(trial: Trial, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    """A trial as the engine knows it; one that was stopped counts by its epochs, one without a figure not at all."""
    state = TrialState.FAIL
    if not trial.status.terminal:
        state = TrialState.RUNNING
    elif trial.figures:
        state = {Status.SUCCEEDED: TrialState.COMPLETE, Status.CANCELLED: TrialState.PRUNED}.get(trial.status, state)
    return create_trial(
        state=state,
        value=trial.value if state is TrialState.COMPLETE else None,
        params=trial.hyperparameters,
        distributions=distributions,
        intermediate_values=trial.figures,
    )


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    return {name: _distribution(dimension) for name, dimension in space.items()}


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.choices)
    low, high, step = dimension.low, dimension.high, dimension.step
    if step is not None:  # the last whole step is the end
        high = low + int((Decimal(str(high)) - Decimal(str(low))) / Decimal(str(step))) * step
    if isinstance(low, int):
        return IntDistribution(low, int(high), log=dimension.log, step=int(step or 1))
    return FloatDistribution(low, high, log=dimension.log, step=step)
