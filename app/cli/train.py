"""fitserve train: one command a family, its hyperparameters as options, and a live progress bar."""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Optional, get_args

import typer

from app.bootstrap import build
from app.cli.jobs import UNITS
from app.cli.terminal import console
from app.cli.watch import follow, print_result
from app.families.catalog import find_families
from app.families.contract import Family
from app.jobs.job import Format, Job, Promote
from app.jobs.journal import Journal
from app.logging import configure_logging
from app.settings import Settings
from app.submission.training import submit

NAME = "The name of a model of your own, such as my-diary; by default the family's."


def train_commands() -> typer.Typer:
    """`fitserve train FAMILY`, for every family there is."""
    group = typer.Typer(no_args_is_help=True, help="Train a network here and now, without a web server.")
    for family in find_families().values():
        group.command(family.name, help=f"Train: {family.title}.")(_command(family))
    return group


def _command(family: Family) -> Any:
    """A function whose options are the family's hyperparameters; what is not given keeps its default."""

    def command(promote: Promote, formats: Format | None, model: str | None = None, **options: Any) -> None:
        requested = {name: value for name, value in options.items() if value is not None}
        if not _run(family, requested, promote, (formats,) if formats else (), model):
            raise typer.Exit(1)

    options = [
        _option(name, Optional[field.annotation], field.description or "")  # noqa: UP045  a type made at run time
        for name, field in family.hyperparameters.model_fields.items()
    ]
    promote = _option("promote", Promote, f"When the version goes live: {', '.join(get_args(Promote))}.", "if_better")
    formats = _option("formats", Optional[Format], "What the version holds beside ONNX and Keras.")  # noqa: UP045
    named = [_option("model", Optional[str], NAME)] if family.users_name_models else []  # noqa: UP045
    command.__signature__ = inspect.Signature([*named, *options, promote, formats])  # type: ignore[attr-defined]
    return command


def _option(name: str, kind: Any, text: str, default: Any = None) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Option(help=text.replace("`", ""))]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _run(
    family: Family, requested: dict[str, Any], promote: Promote, formats: Sequence[Format], model: str | None
) -> bool:
    """Submit the jobs, supervise them here one by one, show them, and say how they ended."""
    settings = Settings()
    configure_logging("WARNING", settings.log_form)
    services = build(settings)
    services.store.seed(settings.starters)
    journal = services.journal.open()
    try:
        jobs = submit(
            family,
            requested,
            promote,
            model=model,
            formats=formats,
            store=services.store,
            journal=journal,
            datasets=services.datasets,
            max_queued=settings.max_queued,
            max_models=settings.max_models,
        )
        succeeded = []
        for job in jobs:
            console.print(f"Job {job.id}: {family.title}: {job.model}, log in {settings.workspace / job.id}/log.txt")
            ended = follow(
                console,
                journal,
                job,
                UNITS[family.task],
                step=partial(services.supervisor.step, only=job.id),
                interrupted=partial(_cancel, journal, job),
            )
            succeeded.append(print_result(console, ended))
            if hint := _next_step(family, ended):
                console.print(hint)
    finally:
        services.supervisor.close()
        journal.close()
    return all(succeeded)


def _next_step(family: Family, job: Job) -> str | None:
    """How what was trained is tried: the live version by its model's name, another one by its number."""
    if not job.result:
        return None
    version = "" if job.result["promoted"] else f" --version {job.result['version']}"
    subject = (
        f"generate 'Once upon a time' --model {job.model}"
        if family.task == "generate"
        else f"predict {job.model} PICTURE"
    )
    return f"Try it: fitserve {subject}{version}"


def _cancel(journal: Journal, job: Job) -> None:
    console.print("Cancelling ...")
    journal.cancel(job.id)
