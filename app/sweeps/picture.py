"""The trials of a sweep as a picture: what there is to draw of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from app.errors import Conflict
from app.jobs.job import Status
from app.jobs.journal import Journal
from app.jobs.plots import Subject
from app.jobs.sweeps import Sweep, Sweeps
from app.safe_text import printable
from app.sweeps.search_space import SPACE, Choices, Dimension, Range
from app.sweeps.trials import Trial, best_of, jobs_of, table

TICKS = 5
LONGEST_LABEL = 20  # characters


def trials_picture(journal: Journal, sweep: str) -> Subject:
    """The trials of a sweep. What draws them raises NotFound, and Conflict where no trial has a figure yet."""

    def newest() -> object:
        found = Sweeps(journal).get(sweep)
        return tuple(sorted(journal.newest_events([job.id for job in jobs_of(found, journal)]).items()))

    def content() -> dict[str, Any]:
        found = Sweeps(journal).get(sweep)
        return to_draw(found, table(found, jobs_of(found, journal), journal))

    return Subject("trials", sweep, newest, content)


def to_draw(sweep: Sweep, trials: Sequence[Trial]) -> dict[str, Any]:
    """Axes, and a line for each trial that has a figure, the best one last; raises Conflict while there is none."""
    shown = [trial for trial in trials if trial.value is not None]
    if not shown:
        raise Conflict("there is no plot yet: no trial has ended an epoch")
    values = [trial.value or 0.0 for trial in shown]
    low, high = min(values), max(values)
    metric = Range(low=low, high=high) if low < high else Choices(choices=(low,))
    axes: dict[str, Dimension] = {**SPACE.validate_python(sweep.space), sweep.metric: metric}
    lines = list(_lines(sweep, shown, low, high))
    return {
        "axes": [
            {
                "name": name,
                **dimension.model_dump(mode="json"),
                "ticks": [(tick, _label(tick)) for tick in _ticks(dimension)],
            }
            for name, dimension in axes.items()
        ],
        "lines": sorted(lines, key=lambda line: (line["best"], line["goodness"])),
    }


def _lines(sweep: Sweep, trials: Sequence[Trial], low: float, high: float) -> Iterator[dict[str, Any]]:
    best = best_of(sweep, trials)
    for trial in trials:
        tried = ", ".join(f"{name} {_label(value)}" for name, value in trial.hyperparameters.items())
        share = ((trial.value or 0.0) - low) / ((high - low) or 1.0)
        yield {
            "id": f"trial-{trial.trial}",
            "title": f"trial {trial.trial}: {tried}; {sweep.metric} {trial.value:.4g}",
            "values": [*trial.hyperparameters.values(), trial.value],
            "goodness": share if sweep.higher_is_better else 1 - share,
            "best": trial is best,
            "stopped": trial.status is Status.CANCELLED,
        }


def _ticks(dimension: Dimension) -> list[Any]:
    if isinstance(dimension, Choices):
        return list(dimension.choices)
    spread = np.geomspace if dimension.log else np.linspace
    ticks: list[float] = spread(dimension.low, dimension.high, TICKS).tolist()
    return sorted({round(tick) for tick in ticks}) if isinstance(dimension.low, int) else ticks


def _label(tick: Any) -> str:
    text = f"{tick:.3g}" if isinstance(tick, float) else printable(str(tick)).replace("\n", " ")
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
