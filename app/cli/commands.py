"""The commands, each a few lines over the services."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table

from app.cli.deploy import deploy
from app.cli.doctor import doctor
from app.cli.inference import classify, seeded_store, stored_version, write
from app.cli.jobs import group
from app.cli.keys import group as keys_group
from app.cli.models import group as models_group
from app.cli.sweep import sweep
from app.cli.terminal import console, styled
from app.cli.train import train_commands
from app.errors import InvalidRequest
from app.families.contract import Classification
from app.serving.inference import Target
from app.serving.sampling import SamplingParameters
from app.serving.word_stream import WordOptions
from app.settings import Settings
from app.store.model_store import LIVE

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
    store = seeded_store(settings)
    number = stored_version(store, model, version, "classify")
    pictures_read = [path.read_bytes() for path in pictures]
    answers = asyncio.run(classify(settings, store, Target(model, str(number)), pictures_read))
    table = Table("picture", "label", "confidence", "next", title=f"{model} {number}")
    for path, answer in zip(pictures, answers, strict=True):
        table.add_row(path.name, *_cells(answer))
    console.print(table)
    if any(isinstance(answer, InvalidRequest) for answer in answers):
        raise typer.Exit(1)


def _cells(answer: Classification | InvalidRequest) -> tuple[RenderableType, ...]:
    """Label, confidence and what comes next, or why there is none."""
    if isinstance(answer, InvalidRequest):
        return styled("?", "red"), "", str(answer)
    _, *others = answer.probabilities.items()
    doubt = " (unlike what it knows)" if answer.familiar is False else ""
    second = ", ".join(f"{label} {probability:.1%}" for label, probability in others)
    return styled(f"{answer.label}{doubt}", "bold"), f"{answer.confidence:.1%}", second


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
    settings = Settings()
    store = seeded_store(settings)
    target = Target(model, str(stored_version(store, model, version, "generate")))
    options = WordOptions(words, SamplingParameters(temperature, top_k, top_p, repetition_penalty, seed))
    asyncio.run(write(settings, store, target, text, options))
