"""Training digits: ours against the classic recipe as a plain Keras script, one after the other on the same machine.

    FITSERVE_DATA_DIR=... python -m bench.train_digit [--epochs 2 4] [--seeds 0 1 2]

Both are timed from the start of their process to the end of an epoch; ours also to the published and promoted version,
exports, evaluation and pictures included. Testing is not counted for the script. Prints a Markdown table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from app.jobs.journal import Journal
from app.settings import Settings
from app.store.model_store import ModelStore


@dataclass(frozen=True)
class Run:
    """Seconds from the start until it was trained, and until all was done; the test accuracy reached."""

    seconds: float
    whole: float
    accuracy: float


def classic_script(mnist: Path) -> list[Run]:
    """The plain script: one run for each epoch it has done."""
    command = [sys.executable, "-m", "bench.classic_script", str(mnist)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [Run(row["seconds"], row["seconds"], row["accuracy"]) for row in rows]


def ours(data_dir: Path, *options: str) -> Run:
    """`fitserve train digit` with these options, into an empty store."""
    with tempfile.TemporaryDirectory() as store:
        command = [str(Path(sys.executable).with_name("fitserve")), "train", "digit", *options]
        environment = _environment(FITSERVE_STORE=store, FITSERVE_STARTERS="", FITSERVE_DATA_DIR=str(data_dir))
        begun = time.time()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        whole = time.time() - begun
        (card,) = ModelStore(Path(store)).versions("digit")
        return Run(_trained(Path(store)) - begun, whole, card.metrics["test_accuracy"])


def _trained(store: Path) -> float:
    """When the last epoch ended, as the journal has it, in seconds since 1970."""
    journal = Journal(Settings(store=store).journal_url).open()
    (job,) = journal.latest()
    ended = [event.time.timestamp() for event in journal.events(job.id, limit=100_000) if event.kind == "epoch"]
    journal.close()
    return ended[-1]


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "FITSERVE_TRAINER_NICE": "0", **more}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, nargs="+", default=[2, 3, 12])
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = options.parse_args()
    data_dir = Path(os.environ["FITSERVE_DATA_DIR"])

    script = classic_script(data_dir / "mnist.npz")
    whole = script[-1]
    print("| training | trained, s | of the script's time | published, s | test accuracy | the script at that time |")
    print("|---|---|---|---|---|---|")
    print(f"| plain Keras script, 10 epochs | {whole.seconds:.0f} | 1 | | {whole.accuracy:.2%} | |", flush=True)
    for epochs in chosen.epochs:
        runs = [ours(data_dir, "--epochs", str(epochs), "--seed", str(seed)) for seed in chosen.seeds]
        print(row(f"ours, {epochs} epochs, {len(runs)} seeds", runs, script), flush=True)
    print(row("ours, `--network classic`, 10 epochs", [ours(data_dir, "--network", "classic")], script), flush=True)


def row(name: str, runs: list[Run], script: list[Run]) -> str:
    """One line of the table: medians over the runs, and the range of their accuracies."""
    seconds = median(run.seconds for run in runs)
    accuracies = sorted(run.accuracy for run in runs)
    span = f" ({accuracies[0]:.2%} to {accuracies[-1]:.2%})" if len(runs) > 1 else ""
    then = [run.accuracy for run in script if run.seconds <= seconds]
    cells = [
        name,
        f"{seconds:.0f}",
        f"1/{script[-1].seconds / seconds:.1f}",
        f"{median(run.whole for run in runs):.0f}",
        f"{median(accuracies):.2%}{span}",
        f"{then[-1]:.2%}" if then else "in its first epoch",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
