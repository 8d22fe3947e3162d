"""What is drawn of a sweep: axes with their ends, lines in order, and no text that could harm a picture."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import Conflict
from app.jobs.job import Status
from app.jobs.sweeps import Sweep
from app.sweeps.picture import LONGEST_LABEL, to_draw
from app.sweeps.trials import Trial


def sweep(space: dict[str, Any], metric: str = "val_accuracy") -> Sweep:
    return Sweep(
        id="s", family="digit", model="digit", space=space, trials=9, metric=metric, status=Status.RUNNING,
        created=datetime.now(UTC), hyperparameters={}, promote="never", seed=1,
    )  # fmt: skip


def trial(number: int, value: float | None, status: Status = Status.SUCCEEDED, **tried: Any) -> Trial:
    version = number if status is Status.SUCCEEDED else None
    return Trial(trial=number, job=f"j{number}", status=status, hyperparameters=tried, value=value, version=version)


def test_an_axis_reaches_from_end_to_end_of_its_range():
    space = {"rate": {"low": 0.001, "high": 0.1, "log": True}, "units": {"low": 4, "high": 6}}
    drawn = to_draw(sweep(space), [trial(1, 0.5, rate=0.01, units=5)])
    rate, units, _ = drawn["axes"]
    assert [label for _, label in rate["ticks"]] == ["0.001", "0.00316", "0.01", "0.0316", "0.1"]
    assert [tick for tick, _ in units["ticks"]] == [4, 5, 6]


@pytest.mark.parametrize(("metric", "order"), [("val_accuracy", [3, 1, 2]), ("val_loss", [2, 1, 3])])
def test_the_better_is_drawn_above_the_worse_and_the_best_above_all(metric: str, order: list[int]):
    trials = [trial(1, 0.5, x=1), trial(2, 0.9, x=2), trial(3, 0.1, x=1), trial(4, None, x=1)]
    drawn = to_draw(sweep({"x": {"choices": [1, 2]}}, metric), trials)
    assert [line["id"] for line in drawn["lines"]] == [f"trial-{number}" for number in order]
    assert [line["best"] for line in drawn["lines"]] == [False, False, True]


def test_a_stopped_trial_is_marked():
    drawn = to_draw(sweep({"x": {"choices": [1]}}), [trial(1, 0.5, Status.CANCELLED, x=1), trial(2, 0.6, x=1)])
    assert [line["stopped"] for line in drawn["lines"]] == [True, False]


def test_a_long_or_harmful_choice_has_a_short_harmless_label():
    drawn = to_draw(sweep({"corpus": {"choices": ["a" * 1000, "\x1b[31m\n"]}}), [trial(1, 0.5, corpus="a" * 1000)])
    long, harmful = (label for _, label in drawn["axes"][0]["ticks"])
    assert len(long) == LONGEST_LABEL
    assert harmful == "\\x1b[31m "


def test_there_is_nothing_to_draw_without_a_figure():
    with pytest.raises(Conflict, match="no plot yet"):
        to_draw(sweep({"x": {"choices": [1]}}), [trial(1, None, x=1)])
