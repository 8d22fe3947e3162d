"""Training on photographs: ours against the classic recipe as a plain Keras script, taking turns.

    FITSERVE_DATA_DIR=... python -m bench.train_cifar [--quick] [--epochs 12]

All are at work at once, ten seconds each in turn, and only their own turns count: from the start of the process to the
end of the script's test, to our last epoch (*trained*), and to the published version with its test, exports and
pictures. The whole takes about 40 minutes on 2 cores; `--quick` takes 600 pictures and one epoch a phase, to see that
everything runs. Prints a Markdown table.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from app.datasets.datasets import Datasets
from app.families.cifar.files import IMAGENET
from app.store.model_store import ModelStore
from bench.trainings import environment, trained_at
from bench.turns import Contender, take_turns

QUICK_TRAIN, QUICK_TEST = 500, 100
PATIENT = "100000"  # seconds: a trainer that stands still is not lost


def script(data: Path, weights: Path, epochs: int) -> Contender:
    """The plain script."""
    command = [sys.executable, "-m", "bench.cifar_script", str(data), str(weights), str(epochs)]
    return Contender("plain Keras script", command, environment())


def ours(name: str, data_dir: Path, store: Path, *options: str) -> Contender:
    """`fitserve train cifar` with these options, into an empty store."""
    command = [str(Path(sys.executable).with_name("fitserve")), "train", "cifar", *options]
    settings = {"STORE": str(store), "STARTERS": "", "DATA_DIR": str(data_dir), "LEASE_SECONDS": PATIENT}
    return Contender(name, command, environment(**{f"FITSERVE_{key}": value for key, value in settings.items()}))


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
    options.add_argument("--epochs", type=int, default=12, help="of the best recipe; 0 leaves it out")
    chosen = options.parse_args()
    data_dir = Path(os.environ["FITSERVE_DATA_DIR"]).absolute()
    weights = Datasets(data_dir, offline=True).find(IMAGENET["vgg16"])
    if weights is None:
        sys.exit(f"needs {IMAGENET['vgg16'].name} in {data_dir}")
    with tempfile.TemporaryDirectory() as folder:
        if chosen.quick:
            data_dir = part_of(data_dir, weights, Path(folder))
        measure(data_dir, weights, Path(folder), chosen.epochs, quick=chosen.quick)


def measure(data_dir: Path, weights: Path, folder: Path, best: int, *, quick: bool) -> None:
    """The table."""
    plain = script(data_dir / "cifar10.npz", weights, 1 if quick else 5)
    few = ["--head-epochs", "1", "--fine-tune-epochs", "1"] if quick else []
    stores = {"classic": folder / "classic", "best": folder / "best"}
    contenders = [ours("ours, `--recipe classic`", data_dir, stores["classic"], "--recipe", "classic", *few)]
    if best:
        name = f"ours, `--recipe best --epochs {best}`"
        contenders.append(ours(name, data_dir, stores["best"], "--seed", "1", "--epochs", str(best)))
    take_turns([plain, *contenders])
    whole = plain.spent()
    print("| training | trained, s | published, s | of the script's time | test accuracy |")
    print("|---|---|---|---|---|")
    print(f"| {plain.name} | {whole:.0f} | | 1 | {json.loads(plain.output.splitlines()[-1])['accuracy']:.2%} |")
    for one, store in zip(contenders, stores.values(), strict=False):
        (card,) = ModelStore(store).versions("cifar")
        trained, published = one.spent(trained_at(store)), one.spent()
        ratio = f"1/{whole / trained:.1f} trained, 1/{whole / published:.1f} published"
        accuracy = card.metrics["test_accuracy"]
        print(f"| {one.name} | {trained:.0f} | {published:.0f} | {ratio} | {accuracy:.2%} |")


if __name__ == "__main__":
    main()
