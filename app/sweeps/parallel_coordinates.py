"""The trials of a sweep as a picture: parallel coordinates, an axis for each hyperparameter and one for the metric."""

import math
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from app.errors import Conflict
from app.jobs.job import Status
from app.jobs.sweeps import Sweep
from app.sweeps.search_space import SPACE, Choices, Dimension, Range
from app.sweeps.trials import Trial, best_of

HEIGHT, TOP, BOTTOM, LEFT, APART = 420, 60, 40, 90, 150  # pixels; APART lies between two axes
TICKS = 5
WORSE, BETTER = (178, 190, 205), (20, 90, 170)  # red, green, blue
STYLE = (
    "text{font:12px sans-serif;fill:#333;paint-order:stroke;stroke:#fff;stroke-width:4px}.axis{stroke:#666}"
    ".trial{fill:none;stroke-width:1.5;opacity:.8}.stopped{stroke-dasharray:4 3;opacity:.5}"
    ".best{stroke:#d2691e;stroke-width:3;opacity:1}"
)
Place = Callable[[Any], float]  # from a value to its height on an axis, 0 to 1


def draw(sweep: Sweep, trials: Sequence[Trial]) -> str:
    """An SVG: a line for each trial that has a figure, dashed when it was stopped, the best one above all others.

    Raises Conflict while there is none.
    """
    shown = [trial for trial in trials if trial.value is not None]
    if not shown:
        raise Conflict("there is no plot yet: no trial has ended an epoch")
    values = [trial.value or 0.0 for trial in shown]
    metric = Range(low=min(values), high=max(values)) if min(values) < max(values) else Choices(choices=(values[0],))
    axes: dict[str, Dimension] = {**SPACE.validate_python(sweep.space), sweep.metric: metric}
    places = {name: _place(dimension) for name, dimension in axes.items()}
    best = best_of(sweep, shown)
    order = sorted(
        shown, key=lambda trial: (trial is best, (trial.value or 0.0) * (1 if sweep.higher_is_better else -1))
    )
    lines = [_line(sweep, trial, places, best) for trial in order]
    width = 2 * LEFT + APART * (len(axes) - 1)
    drawn = [part for number, (name, dimension) in enumerate(axes.items()) for part in _axis(number, name, dimension)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" role="img" '
        f'aria-label="{escape(f"Trials of sweep {sweep.id}")}"><style>{STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join([*lines, *drawn])}</svg>'
    )


def _place(dimension: Dimension) -> Place:
    if isinstance(dimension, Choices):
        choices = dimension.choices
        return lambda value: choices.index(value) / (len(choices) - 1) if len(choices) > 1 else 0.5
    scale = math.log if dimension.log else float
    low, high = scale(dimension.low), scale(dimension.high)
    return lambda value: (scale(value) - low) / (high - low)


def _ticks(dimension: Dimension) -> Sequence[Any]:
    if isinstance(dimension, Choices):
        return dimension.choices
    low, high = dimension.low, dimension.high
    shares = [tick / (TICKS - 1) for tick in range(TICKS)]
    if dimension.log:
        return [float(f"{low * (high / low) ** share:.2g}") for share in shares[:-1]] + [high]
    ticks = [low + (high - low) * share for share in shares]
    return sorted({round(tick) for tick in ticks}) if isinstance(low, int) else ticks


def _axis(number: int, name: str, dimension: Dimension) -> list[str]:
    x, place = LEFT + APART * number, _place(dimension)
    parts = [
        f'<line class="axis" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>',
        f'<text x="{x}" y="{TOP - 20}" text-anchor="middle" font-weight="bold">{escape(name)}</text>',
    ]
    for tick in _ticks(dimension):
        told = f"{tick:.4g}" if isinstance(tick, float) else str(tick)
        parts.append(f'<text x="{x - 8}" y="{_height(place(tick)) + 4:.1f}" text-anchor="end">{escape(told)}</text>')
    return parts


def _line(sweep: Sweep, trial: Trial, places: dict[str, Place], best: Trial | None) -> str:
    heights = [places[name](value) for name, value in {**trial.hyperparameters, sweep.metric: trial.value}.items()]
    points = " ".join(f"{LEFT + APART * number},{_height(share):.1f}" for number, share in enumerate(heights))
    goodness = heights[-1] if sweep.higher_is_better else 1 - heights[-1]
    colour = ",".join(str(round(low + (high - low) * goodness)) for low, high in zip(WORSE, BETTER, strict=True))
    kind = "best" if trial is best else "stopped" if trial.status is Status.CANCELLED else ""
    told = ", ".join(f"{name} {value}" for name, value in trial.hyperparameters.items())
    title = escape(f"trial {trial.trial}: {told}; {sweep.metric} {trial.value:.4g}")
    stroke = "" if trial is best else f' stroke="rgb({colour})"'
    return f'<polyline class="trial {kind}" points="{points}"{stroke}><title>{title}</title></polyline>'


def _height(share: float) -> float:
    """Where on the picture a share of an axis is, counted from its top."""
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
