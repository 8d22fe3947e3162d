"""fitserve models: list, promote and delete them, check the store, bring in what was trained elsewhere."""

import asyncio
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.cli.terminal import console, styled
from app.errors import NotFound
from app.imports import client
from app.jobs.journal import Journal
from app.settings import Settings
from app.store.inspection import inspect
from app.store.model_store import LIVE
from app.store.opening import open_store
from app.versions.names import delete_model

group = typer.Typer(
    help="List the models and their versions; promote and delete them; verify the store; import networks."
)


@group.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models and their versions; promote and delete them; verify the store; import networks."""
    if context.invoked_subcommand:
        return
    settings = Settings()
    store = open_store(settings)
    store.seed(settings.starters)
    table = Table("model", "version", "alias", "figures", "size", "made", "trained with")
    for name in store.models():
        aliases = store.aliases(name)
        for card in store.versions(name):
            figures = " ".join(f"{metric} {value:.4f}" for metric, value in card.metrics.items())
            pointing = ", ".join(alias for alias, number in aliases.items() if number == card.version)
            size = f"{card.size / 1e6:.1f} MB"
            table.add_row(name, str(card.version), pointing, figures, size, card.created[:10], card.command)
        for number, fault in store.faults(name).items():
            table.add_row(name, str(number), "", styled(fault, "red"), "", "", "")
    console.print(table)


@group.command()
def verify() -> None:
    """Check every byte of every version, and every alias; exit status 1 when something is wrong. Changes nothing."""
    faults = checked = 0
    for finding in inspect(open_store(Settings())):
        name = f"{finding.model} {finding.version or 'aliases'}"
        checked += finding.version is not None
        faults += finding.fault is not None
        state = styled(finding.fault, "red") if finding.fault else "sound"
        console.print(f"{name}:", state, soft_wrap=True)
    console.print(f"{checked} versions, {faults} faults")
    if faults:
        raise typer.Exit(1)


@group.command()
def promote(model: str, version: Annotated[str, typer.Argument(help="A number or an alias.")]) -> None:
    """Make a version live: services on this store serve it within half a second."""
    store = open_store(Settings())
    number = store.resolve(model, version)
    store.promote(model, number)
    console.print(f"{model} {number} is live")


@group.command()
def delete(model: str) -> None:
    """Remove a model of your own with all its versions, for good."""
    settings = Settings()
    journal = Journal(settings.journal_url).open()
    try:
        delete_model(open_store(settings), journal.database, model)
    finally:
        journal.close()
    console.print(f"{model} is deleted")


@group.command(name="import")
def import_version(
    model: str,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .keras or an .onnx file.")],
    like: Annotated[str, typer.Option(help="Version or alias that it stands beside.")] = LIVE,
) -> None:
    """Make a network from elsewhere a version, without an alias."""
    settings = Settings()
    store = open_store(settings)
    store.seed(settings.starters)
    if model not in store.models():
        raise NotFound(f"there is no version of {model!r} here; models: {', '.join(store.models())}")

    async def publish() -> int:
        async with client.import_session(store) as session:
            await asyncio.to_thread(shutil.copyfile, file, session.path)
            candidate = await session.try_out(settings, model, like)
            return candidate.publish(store).version

    number = asyncio.run(publish())
    console.print(
        f"{file.name} is version {number} of {model}; to make it live: fitserve models promote {model} {number}"
    )
