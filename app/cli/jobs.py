"""fitserve jobs: list them, watch one, stop it, set it aside."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.table import Table

from app.cli.terminal import console
from app.cli.watch import follow, print_result
from app.families.catalog import family_named
from app.jobs.job import Job
from app.jobs.journal import Journal
from app.settings import Settings

UNITS = {"classify": "images/s", "generate": "tokens/s"}

group = typer.Typer(help="List the jobs, newest first; or watch, cancel, pause or resume one.")

Id = Annotated[str, typer.Argument(metavar="ID", help="A job's id.")]


@group.callback(invoke_without_command=True)
def jobs(context: typer.Context, limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20) -> None:
    """List the jobs, newest first; or watch, cancel, pause or resume one."""
    if context.invoked_subcommand:
        return
    table = Table("job", "model", "status", "progress", "epoch", "figures", "result", "asked for")
    with _journal() as journal:
        for job in journal.latest(limit=limit):
            table.add_row(*_row(job))
    console.print(table)


@group.command()
def watch(job: Id) -> None:
    """Follow a job to its end; Ctrl-C leaves it running."""
    with _journal() as journal:
        seen = journal.get(job)
        unit = UNITS[family_named(seen.family).task]
        ended = follow(console, journal, seen, unit, step=lambda: None, interrupted=_leave)
    if not print_result(console, ended):
        raise typer.Exit(1)


@group.command()
def cancel(
    job: Id, stop_early: Annotated[bool, typer.Option(help="Publish the best of its epochs so far.")] = False
) -> None:
    """Stop a job."""
    with _journal() as journal:
        console.print(_state(journal.stop_early(job) if stop_early else journal.cancel(job)))


@group.command()
def pause(job: Id) -> None:
    """Set a job aside."""
    with _journal() as journal:
        console.print(_state(journal.pause(job)))


@group.command()
def resume(job: Id) -> None:
    """Queue a paused job again."""
    with _journal() as journal:
        console.print(_state(journal.resume(job)))


@contextmanager
def _journal() -> Iterator[Journal]:
    journal = Journal(Settings().journal_url).open()
    try:
        yield journal
    finally:
        journal.close()


def _row(job: Job) -> list[str]:
    figures = " ".join(f"{name} {value:.4f}" for name, value in job.metrics.items())
    result = f"version {job.result['version']}" if job.result else (job.error or "").partition("\n")[0]
    epoch = f"{job.epoch}/{job.epochs}" if job.epoch else ""
    asked = f"{job.created.astimezone():%Y-%m-%d %H:%M}"
    return [job.id, job.model, job.status, f"{job.progress:.0%}", epoch, figures, result, asked]


def _state(job: Job) -> str:
    return f"{job.id} is {job.status}" + (f", to {job.control_request} soon" if job.control_request else "")


def _leave() -> None:
    raise typer.Exit(0)
