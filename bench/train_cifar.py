"""Training on photographs: ours against the classic recipe as a plain Keras script, one after the other.

    FITSERVE_DATA_DIR=... python -m bench.train_cifar [--quick] [--skip-best]

Both are timed from the start of their process: the script to the end of its test, ours to the last epoch (*trained*)
and to the published version with its test, exports and pictures. The whole takes about 90 minutes on 2 cores;
`--quick` takes 600 pictures and one epoch a phase, to see that everything runs. Prints a Markdown table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from app.families.cifar.files import IMAGENET
from app.training.datasets import Datasets
from bench.trainings import Run, environment, ours

QUICK_TRAIN, QUICK_TEST = 500, 100


def script(data: Path, weights: Path, epochs: int) -> Run:
    """The plain script."""
    command = [sys.executable, "-m", "bench.cifar_script", str(data), str(weights), str(epochs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    row = json.loads(done.stdout.splitlines()[-1])
    return Run(row["seconds"], row["seconds"], row["accuracy"])


def part_of(data_dir: Path, weights: Path, folder: Path) -> Path:
    """A data folder with the same weights and a few of the pictures."""
    with np.load(data_dir / "cifar10.npz") as file:
        few = {
            name: file[name][: QUICK_TRAIN if name.endswith("train") else QUICK_TEST]
            for name in ("x_train", "y_train", "x_test", "y_test")
        }
    np.savez(folder / "cifar10.npz", **few)
    (folder / weights.name).symlink_to(weights)
    return folder


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--quick", action="store_true")
    options.add_argument("--skip-best", action="store_true")
    chosen = options.parse_args()
    data_dir = Path(os.environ["FITSERVE_DATA_DIR"]).absolute()
    weights = Datasets(data_dir, offline=True).find(IMAGENET["vgg16"])
    if weights is None:
        sys.exit(f"needs {IMAGENET['vgg16'].name} in {data_dir}")
    with tempfile.TemporaryDirectory() as folder:
        if chosen.quick:
            data_dir = part_of(data_dir, weights, Path(folder))
        measure(data_dir, weights, quick=chosen.quick, best=not chosen.skip_best)


def measure(data_dir: Path, weights: Path, *, quick: bool, best: bool) -> None:
    """The table, line by line."""
    print("| training | trained, s | published, s | of the script's time | test accuracy |")
    print("|---|---|---|---|---|")
    plain = script(data_dir / "cifar10.npz", weights, 1 if quick else 5)
    print(row("plain Keras script", plain, plain), flush=True)
    few = ["--head-epochs", "1", "--fine-tune-epochs", "1"] if quick else []
    print(row("ours, `--recipe classic`", ours(data_dir, "cifar", "--recipe", "classic", *few), plain), flush=True)
    if best:
        few = ["--epochs", "1", "--batch-size", "64"] if quick else []
        print(row("ours, `--recipe best`", ours(data_dir, "cifar", "--seed", "1", *few), plain), flush=True)


def row(name: str, run: Run, plain: Run) -> str:
    """One line of the table."""
    share = plain.whole / run.whole
    return f"| {name} | {run.seconds:.0f} | {run.whole:.0f} | 1/{share:.1f} | {run.accuracy:.2%} |"


if __name__ == "__main__":
    main()
