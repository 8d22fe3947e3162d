"""fitserve train: one command a family, its hyperparameters as options, and a live progress bar."""

import inspect
import time
from typing import Annotated, Any, Optional, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.bootstrap import build
from app.families.catalog import find_families
from app.families.contract import Family
from app.jobs.job import Event, Job, Promote, Status
from app.settings import Settings
from app.telemetry import configure_logging
from app.training.submission import submit

LOOK_SECONDS = 0.2
UNITS = {"classify": "images/s", "generate": "tokens/s"}

console = Console(highlight=False)


def train_commands() -> typer.Typer:
    """`fitserve train FAMILY`, for every family there is."""
    group = typer.Typer(no_args_is_help=True, help="Train a network here and now, without a web server.")
    for family in find_families().values():
        group.command(family.name, help=f"Train: {family.title}.")(_command(family))
    return group


def _command(family: Family) -> Any:
    """A function whose options are the family's hyperparameters; what is not given keeps its default."""

    def command(promote: Promote, **options: Any) -> None:
        wishes = {name: value for name, value in options.items() if value is not None}
        if not _run(family, wishes, promote):
            raise typer.Exit(1)

    options = [
        _option(name, Optional[field.annotation], field.description or "")  # noqa: UP045  a type made at run time
        for name, field in family.hyperparameters.model_fields.items()
    ]
    promote = _option("promote", Promote, f"When the version goes live: {', '.join(get_args(Promote))}.", "if_better")
    command.__signature__ = inspect.Signature([*options, promote])  # type: ignore[attr-defined]
    return command


def _option(name: str, kind: Any, text: str, default: Any = None) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Option(help=text.replace("`", ""))]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _run(family: Family, wishes: dict[str, Any], promote: Promote) -> bool:
    """Submit the jobs, supervise them here one by one, show them, and say how they ended."""
    settings = Settings()
    configure_logging("WARNING")
    services = build(settings)
    services.store.seed(settings.starters)
    journal = services.journal.open()
    try:
        jobs = submit(
            family, wishes, promote, journal=journal, datasets=services.datasets, max_queued=settings.max_queued
        )
        succeeded = []
        for job in jobs:
            console.print(f"Job {job.id}: {family.title}: {job.model}, log in {settings.workspace / job.id}/log.txt")
            succeeded.append(_tell(_follow(services, job, UNITS[family.task])))
    finally:
        services.supervisor.close()
        journal.close()
    return all(succeeded)


def _follow(services: Any, job: Job, unit: str) -> Job:
    """Step the supervisor and draw the events until the job has ended; Ctrl-C cancels it."""
    seen = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("waiting", total=1.0, figures="")
        while not job.status.terminal:
            try:
                services.supervisor.step(only=job.id)
                for event in services.journal.events(job.id, seen):
                    seen = event.id
                    _draw(bar, task, event, unit)
                time.sleep(LOOK_SECONDS)
            except KeyboardInterrupt:
                console.print("Cancelling ...")
                services.journal.cancel(job.id)
            job = services.journal.get(job.id)
            bar.update(task, description=job.phase or job.status, completed=job.progress)
    return job


def _draw(bar: Progress, task: Any, event: Event, unit: str) -> None:
    """One event, as figures in the bar or a line above it."""
    data = event.data
    if "features" in data:
        bar.update(task, figures=f"frozen layers: {data['features']:.0%} of the examples")
    elif event.kind == "progress":
        figures = " ".join(f"{name} {value:.4f}" for name, value in sorted(data["metrics"].items(), reverse=True))
        bar.update(task, figures=f"epoch {data['epoch']} · {figures} · {data['examples_per_second']:.0f} {unit}")
    elif event.kind == "epoch":
        figures = " · ".join(f"{name} {value:.4f}" for name, value in sorted(data["metrics"].items(), reverse=True))
        bar.console.print(f"epoch {data['epoch']:>3} · {figures} · {data['seconds']:.1f} s")
    elif "text" in data:
        bar.console.print(data["text"])


def _tell(job: Job) -> bool:
    """How the job ended; returns whether it succeeded."""
    if job.status is Status.SUCCEEDED and job.result:
        figures = " · ".join(f"{name} {value:.4f}" for name, value in job.metrics.items())
        live = "live now" if job.result["promoted"] else "not live"
        console.print(f"[bold]{job.model} {job.result['version']}[/bold] · {figures} · {live}: {job.result['reason']}")
        return True
    console.print(f"[red]{job.status}[/red] {job.error or ''}")
    return False
