"""The engine of sweeps: it learns from what it is told, and is asked in the words of the space."""

import math
from datetime import UTC, datetime
from statistics import mean
from typing import Any

from app.jobs.job import Status
from app.jobs.sweeps import Metric, Sweep
from app.sweeps.search_space import SPACE
from app.sweeps.study import should_prune, suggest
from app.sweeps.trials import Trial

RATE = SPACE.validate_python({"learning_rate": {"low": 0.0001, "high": 1.0, "log": True}})


def sweep(seed: int = 0, metric: Metric = "val_accuracy") -> Sweep:
    return Sweep(
        id="s",
        family="tiny",
        model="tiny",
        space={},
        hyperparameters={},
        metric=metric,
        trials=24,
        seed=seed,
        status=Status.RUNNING,
        created=datetime.now(UTC),
    )


def trial(number: int, chosen: dict[str, Any], *figures: float, status: Status = Status.SUCCEEDED) -> Trial:
    value = max(figures, default=None)
    told = dict(enumerate(figures, start=1))
    return Trial(trial=number, job=f"j{number}", status=status, hyperparameters=chosen, value=value, figures=told)


def test_what_was_seen_leads_to_what_is_tried():
    early, late = [], []
    for seed in range(0, 500, 100):
        trials: list[Trial] = []
        far = []
        for number in range(1, 25):
            chosen = suggest(sweep(seed), RATE, trials)
            far.append(abs(math.log10(chosen["learning_rate"] / 0.01)))
            trials.append(trial(number, chosen, 1 - far[-1] / 4))
        early += far[:8]
        late += far[-8:]
    assert mean(late) < 0.8 * mean(early)


def test_what_is_tried_lies_in_the_space():
    space = SPACE.validate_python(
        {
            "rate": {"low": 0.1, "high": 0.95, "step": 0.2},
            "size": {"low": 8, "high": 30, "step": 8},
            "power": {"low": 1, "high": 100, "log": True},
            "kind": {"choices": ["a", None, 3]},
        }
    )
    trials: list[Trial] = []
    for number in range(1, 16):
        trials.append(trial(number, suggest(sweep(), space, trials), number / 20))
    tried = [one.hyperparameters for one in trials]
    assert {round(one["rate"], 6) for one in tried} <= {0.1, 0.3, 0.5, 0.7, 0.9}
    assert {one["size"] for one in tried} <= {8, 16, 24}
    assert all(isinstance(one["power"], int) and 1 <= one["power"] <= 100 for one in tried)
    assert {one["kind"] for one in tried} <= {"a", None, 3}
    assert len({tuple(one.values()) for one in tried}) > 10


def test_hopeless_is_who_is_behind_the_median_at_the_same_epoch():
    chosen = {"learning_rate": 0.1}
    ended = [trial(number, chosen, 0.1, 0.5, 0.9) for number in (1, 2, 3)]
    behind, level, new = (
        trial(number, chosen, *figures, status=Status.RUNNING)
        for number, figures in ((4, (0.1, 0.2)), (5, (0.1, 0.6)), (6, ()))
    )
    assert should_prune(sweep(), RATE, [*ended, behind, level, new]) == [behind]
    assert should_prune(sweep(), RATE, [*ended[:2], behind]) == [], "too few to compare with"
    asked = behind.model_copy(update={"control_request": "cancel"})
    assert should_prune(sweep(), RATE, [*ended, asked]) == [], "it is asked once"
    losses = [trial(number, chosen, 0.1, 0.5, 0.9) for number in (1, 2, 3)]
    assert should_prune(sweep(metric="val_loss"), RATE, [*losses, behind]) == []
