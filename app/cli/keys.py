"""fitserve keys: make a key for the service, list those there are."""

import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.cli.terminal import console
from app.errors import Conflict
from app.keys import Scope, create_key, read_keys
from app.settings import Settings

group = typer.Typer(no_args_is_help=True, help="The keys in FITSERVE_API_KEYS_FILE: create one, list them.")


@group.command()
def create(
    scope: Annotated[Scope, typer.Option(help="What it may do: predict; train as well; everything.")] = Scope.PREDICT,
    name: Annotated[str | None, typer.Option(help="Whose it is; by default the scope and a number.")] = None,
) -> None:
    """Make a key, and tell it this once: only its hash is kept. A running service knows it at once."""
    secret = create_key(_path(), scope, name or f"{scope}-{secrets.randbelow(10**6)}")
    typer.echo(secret)  # bare, for `KEY=$(fitserve keys create)`


@group.command(name="list")
def list_keys() -> None:
    """List the names and the scopes. To revoke a key, delete its line from the file."""
    table = Table("name", "scope")
    path = _path()
    for key in read_keys(path) if path.exists() else ():
        table.add_row(key.name, key.scope)
    console.print(table)


def _path() -> Path:
    path = Settings().api_keys_file
    if path is None:
        raise Conflict("FITSERVE_API_KEYS_FILE is not set: it says where the keys' hashes are kept")
    return path
