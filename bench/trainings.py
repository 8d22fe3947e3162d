"""Trainings as a user runs them, timed from outside."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.jobs.journal import Journal
from app.settings import Settings
from app.store.model_store import ModelStore


@dataclass(frozen=True)
class Run:
    """Seconds from the start until it was trained, and until all was done; the test accuracy reached."""

    seconds: float
    whole: float
    accuracy: float


def ours(data_dir: Path, family: str, *options: str) -> Run:
    """`fitserve train FAMILY` with these options, into an empty store."""
    with tempfile.TemporaryDirectory() as store:
        command = [str(Path(sys.executable).with_name("fitserve")), "train", family, *options]
        settings = {"FITSERVE_STORE": store, "FITSERVE_STARTERS": "", "FITSERVE_DATA_DIR": str(data_dir)}
        begun = time.time()
        subprocess.run(command, check=True, capture_output=True, env=environment(**settings))
        whole = time.time() - begun
        (card,) = ModelStore(Path(store)).versions(family)
        return Run(trained_at(Path(store)) - begun, whole, card.metrics["test_accuracy"])


def environment(**more: str) -> dict[str, str]:
    """The environment of a measured process."""
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "FITSERVE_TRAINER_NICE": "0", **more}


def trained_at(store: Path) -> float:
    """When the last epoch ended, as the journal has it, in seconds since 1970."""
    journal = Journal(Settings(store=store).journal_url).open()
    (job,) = journal.latest()
    ended = [event.time.timestamp() for event in journal.events(job.id, limit=100_000) if event.kind == "epoch"]
    journal.close()
    return ended[-1]
