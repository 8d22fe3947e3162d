"""The commands, each a few lines over the services."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from app.cli.deploy import deploy
from app.cli.doctor import doctor
from app.cli.generate import write
from app.cli.jobs import group
from app.cli.keys import group as keys_group
from app.cli.models import group as models_group
from app.cli.sweep import sweep
from app.cli.terminal import console, styled
from app.cli.train import train_commands
from app.errors import InvalidRequest
from app.families.catalog import by_model, find_families
from app.families.contract import Task
from app.families.imaging import read_picture
from app.serving.loading import load_version
from app.serving.runtimes.selection import ChosenRuntime
from app.serving.sampling import Sampling
from app.serving.word_stream import Wish
from app.settings import Settings
from app.store.model_store import LIVE, ModelStore
from app.store.opening import open_store

commands = typer.Typer(no_args_is_help=True, add_completion=False, help="Train networks and serve them.")
commands.add_typer(train_commands(), name="train")
commands.add_typer(group, name="jobs")
commands.add_typer(models_group, name="models")
commands.add_typer(keys_group, name="keys")
commands.command()(deploy)
commands.command()(sweep)
commands.command()(doctor)


@commands.command()
def up() -> None:
    """Start the service (FITSERVE_HOST, FITSERVE_PORT, FITSERVE_STORE ... say how)."""
    os.execv(sys.executable, [sys.executable, "-m", "app.main"])  # a process without what the other commands import


@commands.command()
def predict(
    model: Annotated[str, typer.Argument(help="A model that classifies pictures, such as digit.")],
    pictures: Annotated[list[Path], typer.Argument(help="Picture files.", exists=True, dir_okay=False)],
    version: Annotated[str, typer.Option(help="A version or an alias.")] = LIVE,
) -> None:
    """Classify pictures with a stored version, without a web server."""
    settings = Settings()
    number, servable = _loaded(settings, model, version, "classify")
    table = Table("picture", "label", "confidence", "next", title=f"{model} {number}")
    refused = 0
    for path in pictures:
        try:
            picture = read_picture(path.read_bytes(), max_pixels=settings.max_pixels, detail=servable.detail)
            instance = servable.decode(picture, settings.crop)
        except InvalidRequest as fault:
            table.add_row(path.name, styled("?", "red"), "", str(fault))
            refused += 1
            continue
        answer = servable.answer(servable.predict([instance])[0], top_k=2)
        _, *runners_up = answer.probabilities.items()
        second = ", ".join(f"{label} {share:.1%}" for label, share in runners_up)
        doubt = " (unlike what it knows)" if answer.familiar is False else ""
        table.add_row(path.name, styled(f"{answer.label}{doubt}", "bold"), f"{answer.confidence:.1%}", second)
    console.print(table)
    if refused:
        raise typer.Exit(1)


@commands.command()
def generate(
    text: Annotated[str, typer.Argument(help="The beginning of a line.")],
    words: Annotated[int, typer.Option(min=1, max=1000, help="At most so many words.")] = 5,
    model: Annotated[str, typer.Option(help="rnn, lstm or gru.")] = "lstm",
    version: Annotated[str, typer.Option(help="A version or an alias.")] = LIVE,
    temperature: Annotated[float, typer.Option(min=0, max=100, help="0: always the likeliest; above: bolder.")] = 0.0,
    top_k: Annotated[int | None, typer.Option(min=1, help="Choose among so many of the likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(min=0.0001, max=1, help="Choose among this share of them.")] = None,
    repetition_penalty: Annotated[float, typer.Option(min=0.01, max=100, help="Above 1: repeat less.")] = 1.0,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed gives the same text.")] = None,
) -> None:
    """Continue a text with a stored version, word by word, without a web server."""
    wish = Wish(words, Sampling(temperature, top_k, top_p, repetition_penalty, seed))
    _, servable = _loaded(Settings(), model, version, "generate")
    asyncio.run(write(servable, text, wish))


def _loaded(settings: Settings, model: str, version: str, task: Task) -> tuple[int, Any]:
    """The number and the servable of a version of a model that has this task."""
    models = {name: family for name, family in by_model(find_families()).items() if family.task == task}
    if model not in models:
        raise InvalidRequest(f"there is no model {model!r} that can {task}; models: {', '.join(models)}")
    store = _store(settings)
    if not store.versions(model):
        raise InvalidRequest(f"{model} has no version yet: train one with fitserve train {models[model].name}")
    number = store.resolve(model, version)
    _, servable = load_version(store, ChosenRuntime(settings).open(), models[model], model, number)
    return number, servable


def _store(settings: Settings) -> ModelStore:
    """The store, with the starter versions that it lacks."""
    store = open_store(settings)
    store.seed(settings.starters)
    return store
