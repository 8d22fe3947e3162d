"""Training on text: every prefix as a padded window against whole lines packed in rows, one epoch of each.

    FITSERVE_DATA_DIR=... python -m bench.train_text [--share 0.05] [--epochs 3]

Both learn en_tinyshakespeare by words with an embedding of 10 and an LSTM of 64 units, and foretell the same tokens:
each word of each line and its end. The slow way runs on a share of the prefixes, drawn at random, and is scaled up;
ours is the median epoch of `fitserve train text`, validation included, scaled up too, for it learns 18 of 20 lines.
Prints a Markdown table.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from app.store.model_store import ModelStore
from bench.trainings import environment

CORPUS = "en_tinyshakespeare"
LEARNED = 18 / 20  # of the lines; the others are held out
OPTIONS = ["--vocabulary", "words", "--embedding", "10", "--units", "64", "--dropout", "0", "--promote", "never"]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--share", type=float, default=0.05)
    options.add_argument("--epochs", type=int, default=3)
    chosen = options.parse_args()
    data_dir = Path(os.environ["FITSERVE_DATA_DIR"])
    command = [sys.executable, "-m", "bench.text_script", "train", str(data_dir / f"{CORPUS}.txt"), str(chosen.share)]
    slow = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    print("| way | an epoch, s | of the prefixes' time |\n|---|---|---|")
    print(f"| all prefixes, batches of 32 ({chosen.share:.0%} of them, scaled) | {slow:.0f} | 1 |", flush=True)
    quick = ours(data_dir, chosen.epochs)
    print(f"| ours, whole lines packed | {quick:.1f} | 1/{slow / quick:.1f} |")


def ours(data_dir: Path, epochs: int) -> float:
    """Seconds of the median epoch, the first left out, for it traces the graph."""
    with tempfile.TemporaryDirectory() as store:
        asked = ["train", "text", "--corpus", CORPUS, "--vocabulary-size", "100000", "--epochs", str(epochs), *OPTIONS]
        settings = {"FITSERVE_STORE": store, "FITSERVE_STARTERS": "", "FITSERVE_DATA_DIR": str(data_dir)}
        fitserve = str(Path(sys.executable).with_name("fitserve"))
        subprocess.run([fitserve, *asked], check=True, capture_output=True, env=environment(**settings))
        (card,) = ModelStore(Path(store)).versions("lstm")
        seconds: float = median(row["seconds"] for row in card.curves[1:])
        return seconds / LEARNED


if __name__ == "__main__":
    main()
