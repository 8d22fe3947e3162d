"""Training digits: ours against the classic recipe as a plain Keras script, one after the other on the same machine.

    FITSERVE_DATA_DIR=... python -m bench.train_digit [--epochs 2 4] [--seeds 0 1 2]

Ours is the whole command `fitserve train digit`, from its start to the published and promoted version. The script is
timed from its start to the end of each epoch. Prints a Markdown table.
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

from app.store.model_store import ModelStore


@dataclass(frozen=True)
class Run:
    """Seconds from start to end, and the test accuracy reached."""

    seconds: float
    accuracy: float


def classic_script(mnist: Path) -> list[Run]:
    """The plain script: one run for each epoch it has done."""
    command = [sys.executable, "-m", "bench.classic_script", str(mnist)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [Run(row["seconds"], row["accuracy"]) for row in rows]


def ours(data_dir: Path, *options: str) -> Run:
    """`fitserve train digit` with these options, into an empty store."""
    with tempfile.TemporaryDirectory() as store:
        command = [str(Path(sys.executable).with_name("fitserve")), "train", "digit", *options]
        environment = _environment(FITSERVE_STORE=store, FITSERVE_STARTERS="", FITSERVE_DATA_DIR=str(data_dir))
        begun = time.monotonic()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        seconds = time.monotonic() - begun
        (card,) = ModelStore(Path(store)).versions("digit")
        return Run(seconds, card.metrics["test_accuracy"])


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
    print("| training | seconds | share of the script's time | test accuracy | the script at that time |")
    print("|---|---|---|---|---|")
    print(
        f"| classic recipe, plain Keras script, 10 epochs | {whole.seconds:.0f} | 1 | {whole.accuracy:.2%} | |",
        flush=True,
    )
    for epochs in chosen.epochs:
        runs = [ours(data_dir, "--epochs", str(epochs), "--seed", str(seed)) for seed in chosen.seeds]
        seconds = median(run.seconds for run in runs)
        accuracies = sorted(run.accuracy for run in runs)
        then = [run.accuracy for run in script if run.seconds <= seconds]
        print(
            f"| ours, {epochs} epochs, {len(runs)} seeds | {seconds:.0f} | 1/{whole.seconds / seconds:.1f} "
            f"| {median(accuracies):.2%} ({accuracies[0]:.2%} to {accuracies[-1]:.2%}) "
            f"| {f'{then[-1]:.2%}' if then else 'in its first epoch'} |",
            flush=True,
        )
    classic = ours(data_dir, "--network", "classic")
    share = f"1/{whole.seconds / classic.seconds:.1f}"
    print(f"| ours, `--network classic`, 10 epochs | {classic.seconds:.0f} | {share} | {classic.accuracy:.2%} | |")


if __name__ == "__main__":
    main()
