"""fitserve sweep: look for the best hyperparameters here and now, without a web server."""

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, get_args

import typer
from pydantic import ValidationError
from rich.table import Table

from app.bootstrap import Services, build
from app.cli.terminal import console
from app.errors import InvalidRequest
from app.families.catalog import find_families
from app.jobs.job import Promote, Status
from app.jobs.sweeps import Metric, Sweep
from app.logging import configure_logging
from app.settings import Settings
from app.sweeps.submission import SweepRequest, submit_sweep
from app.sweeps.trials import Trial, best_of, jobs_of, table

LOOK_SECONDS = 0.2
RANGE = re.compile(r"(?P<low>[^:]+?)\.\.(?P<high>[^:]+)(?P<log>:log)?")


def sweep(
    family: Annotated[str, typer.Argument(help="What is trained, such as digit.")],
    tried: Annotated[
        list[str],
        typer.Option("--try", help="NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=ONE,OTHER; once for each."),
    ],
    fixed: Annotated[list[str], typer.Option("--set", help="NAME=VALUE, the same in every trial.")] = [],  # noqa: B006
    trials: Annotated[int, typer.Option(min=1, help="How many trainings.")] = 20,
    metric: Annotated[str | None, typer.Option(help=f"What counts: {' or '.join(get_args(Metric))}.")] = None,
    promote: Annotated[
        str, typer.Option(help=f"When the best goes live: {', '.join(get_args(Promote))}.")
    ] = "if_better",
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is drawn.")] = 0,
    model: Annotated[str | None, typer.Option(help="The name of a model of your own; by default the family's.")] = None,
) -> None:
    """Try hyperparameters in many trainings, stop the bad ones early, and keep the best."""
    request = {
        "family": family,
        "model": model,
        "space": {name: _dimension(text, _reader(family, name)) for name, text in map(_split_option, tried)},
        "hyperparameters": {name: _reader(family, name)(text) for name, text in map(_split_option, fixed)},
        "trials": trials,
        "metric": metric,
        "promote": promote,
        "seed": seed,
    }
    try:
        ended = _run(SweepRequest.model_validate(request))
    except ValidationError as fault:
        raise InvalidRequest.of("invalid sweep", fault) from fault
    if ended.status is not Status.SUCCEEDED:
        raise typer.Exit(1)


def _run(request: SweepRequest) -> Sweep:
    """Begin it, carry it and its trials on here, and show each trial that ends."""
    settings = Settings()
    configure_logging("WARNING", settings.log_form)
    services = build(settings)
    services.store.seed(settings.starters)
    services.journal.open()
    try:
        begun = submit_sweep(
            request,
            sweeps=services.sweeper.sweeps,
            store=services.store,
            datasets=services.datasets,
            max_models=settings.max_models,
            max_trials=settings.max_trials,
            max_running=settings.max_queued,
        )
        console.print(f"Sweep {begun.id}: {begun.trials} trials of {begun.model}")
        return _follow(services, begun)
    finally:
        services.supervisor.close()
        services.journal.close()


def _follow(services: Services, sweep: Sweep) -> Sweep:
    shown_trials: set[int] = set()
    while True:
        try:
            services.sweeper.advance(sweep)
            trials = table(sweep, jobs_of(sweep, services.journal), services.journal)
            for trial in trials:
                if not trial.status.terminal:
                    services.supervisor.step(only=trial.job)
                elif trial.trial not in shown_trials:
                    shown_trials.add(trial.trial)
                    console.print(" · ".join(_row(trial)))
            sweep = services.sweeper.sweeps.get(sweep.id)
            if sweep.status.terminal:
                _print_result(sweep, trials)
                return sweep
            time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            console.print("Cancelling ...")
            services.sweeper.sweeps.cancel(sweep.id)


def _print_result(sweep: Sweep, trials: Sequence[Trial]) -> None:
    """The trials, the best first, and what came of it."""
    shown = Table("trial", "job", "status", "tried", sweep.metric, "epochs", "version")
    sign = -1 if sweep.higher_is_better else 1
    for trial in sorted(trials, key=lambda trial: (trial.value is None, sign * (trial.value or 0.0))):
        shown.add_row(*_row(trial), style="bold" if trial == best_of(sweep, trials) else None)
    console.print(shown)
    result = sweep.result or {}
    if sweep.error:
        console.print(sweep.error, style="red")
    else:
        console.print(f"{sweep.status}: {result.get('reason', '')}")


def _row(trial: Trial) -> list[str]:
    chosen = " ".join(f"{name}={_short(value)}" for name, value in trial.hyperparameters.items())
    value = "" if trial.value is None else f"{trial.value:.4f}"
    return [
        str(trial.trial),
        trial.job,
        trial.status,
        chosen,
        value,
        str(trial.epochs),
        str(trial.version or ""),
    ]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _split_option(option: str) -> tuple[str, str]:
    name, equals, text = option.partition("=")
    if not (name and equals and text):
        raise InvalidRequest(f"expected NAME=..., got {option!r}")
    return name.replace("-", "_"), text


def _dimension(text: str, read: Callable[[str], Any]) -> dict[str, Any]:
    if found := RANGE.fullmatch(text):
        return {"low": read(found["low"]), "high": read(found["high"]), "log": bool(found["log"])}
    return {"choices": [read(one) for one in text.split(",")]}


def _reader(family: str, name: str) -> Callable[[str], Any]:
    """What makes values of a hyperparameter: a text is taken as it is, even if it is called NaN, 1e5 or true."""
    known = find_families().get(family)
    field = known.hyperparameters.model_fields.get(name) if known else None
    is_text = field is not None and str in (field.annotation, *get_args(field.annotation))
    return str if is_text else _value


def _value(text: str) -> Any:
    """A number, true, false or null as in JSON; anything else as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text
