"""fitserve doctor: one screen that says whether everything is as it should be here, and what is not."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_core import to_json
from rich.table import Table

from app.cli.doctor import environment, storage
from app.cli.doctor.check_result import CheckResult
from app.cli.terminal import console, styled
from app.settings import Settings

CHECKS = (
    environment.versions,
    environment.runtime,
    storage.store,
    storage.journal,
    storage.data,
    environment.port,
    environment.keys,
    environment.traces,
    environment.memory,
    environment.disk,
    environment.files,
)
MARKS = {"good": ("✓", "green"), "note": ("·", "yellow"), "wrong": ("✗", "red")}  # and their styles


def doctor(as_json: Annotated[bool, typer.Option("--json", help="As JSON, for machines.")] = False) -> None:
    """Look at versions, GPU, store, journal, data, port, keys and limits; exit code 1 when something is wrong."""
    results = list(check_all())
    if as_json:
        typer.echo(to_json([asdict(result) for result in results], indent=2))
    else:
        table = Table.grid(padding=(0, 1))
        for result in results:
            table.add_row(styled(*MARKS[result.state]), result.subject, result.text)
        console.print(table)
    if any(result.state == "wrong" for result in results):
        raise typer.Exit(1)


def check_all() -> Iterator[CheckResult]:
    """What every check found; when the settings themselves are wrong, what is wrong with each."""
    try:
        settings = Settings()
    except ValidationError as fault:
        for one in fault.errors():
            name = f"FITSERVE_{'_'.join(str(part) for part in one['loc']).upper()}"
            yield CheckResult("settings", "wrong", f"{name}={one['input']}: {one['msg']}")
        return
    for check in CHECKS:
        yield from check(settings)
