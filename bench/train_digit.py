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
from pathlib import Path
from statistics import median

from bench.trainings import Run, environment, ours


def plain_script(mnist: Path) -> list[Run]:
    """The plain script: one run for each epoch it has done."""
    command = [sys.executable, "-m", "bench.digit_script", str(mnist)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [Run(row["seconds"], row["seconds"], row["accuracy"]) for row in rows]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, nargs="+", default=[2, 3, 12])
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = options.parse_args()
    data_dir = Path(os.environ["FITSERVE_DATA_DIR"])

    script = plain_script(data_dir / "mnist.npz")
    whole = script[-1]
    print("| training | trained, s | of the script's time | published, s | test accuracy | the script at that time |")
    print("|---|---|---|---|---|---|")
    print(f"| plain Keras script, 10 epochs | {whole.seconds:.0f} | 1 | | {whole.accuracy:.2%} | |", flush=True)
    for epochs in chosen.epochs:
        runs = [ours(data_dir, "digit", "--epochs", str(epochs), "--seed", str(seed)) for seed in chosen.seeds]
        print(row(f"ours, {epochs} epochs, {len(runs)} seeds", runs, script), flush=True)
    print(
        row("ours, `--network classic`, 10 epochs", [ours(data_dir, "digit", "--network", "classic")], script),
        flush=True,
    )


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
