"""How many pictures of other things are refused or called unfamiliar, and how many known ones are, as a table.

`FITSERVE_DATA_DIR=... python -m bench.familiar [--number 300] [--seed 1] [--store models_store]`: every picture goes
through the decoder and the servable of version 1, as an upload does. The kinds are drawn by `bench.strange`.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.errors import InvalidRequest
from app.families.catalog import built_in, find_families
from app.serving.runtimes.onnx import OnnxRuntime
from app.settings import STARTERS, Settings
from app.store.model_store import ModelStore
from bench.strange import KINDS, Picture, digits, strange
from tests.stored_versions import load_version

PHOTOGRAPH = 128  # pixels on a side to which CIFAR-10's are enlarged before a digit is looked for


def unfamiliar(servable: Any, pictures: Iterable[Picture]) -> float:
    """The share of pictures that are refused or unfamiliar."""
    instances, total = [], 0
    for picture in pictures:
        total += 1
        try:
            instances.append(servable.decode(Image.fromarray(picture), "centre"))
        except InvalidRequest:
            continue
    batches = [instances[at : at + 32] for at in range(0, len(instances), 32)]
    familiar = sum(bool(servable.answer(one, 1).familiar) for batch in batches for one in servable.predict(batch))
    return 1 - familiar / total


def enlarged(pictures: Any, side: int) -> Iterator[Picture]:
    """Each picture on `side` x `side` pixels."""
    for picture in pictures:
        yield np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def rows(model: str, servable: Any, folder: Path, number: int, seed: int) -> Iterator[tuple[str, float]]:
    """What is looked at, and the share that is refused or unfamiliar; the test set comes first."""
    with np.load(folder / "mnist.npz") as file:
        mnist = file["x_test"]
    with np.load(folder / "cifar10.npz") as file:
        photographs = file["x_test"]
    if model == "digit":
        yield "MNIST's test digits", unfamiliar(servable, mnist)
        yield "photographs", unfamiliar(servable, enlarged(photographs[:number], PHOTOGRAPH))
    else:
        yield "CIFAR-10's test photographs", unfamiliar(servable, photographs)
        yield "digits", unfamiliar(servable, digits(mnist, number, seed))
    for kind in KINDS:
        yield kind, unfamiliar(servable, strange(kind, number, seed))


def main() -> None:
    """Print a table for each classifier."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--number", type=int, default=300, help="pictures of each kind")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--store", type=Path, default=STARTERS)
    options.add_argument("--model", choices=["digit", "cifar"], action="append")
    chosen = options.parse_args()
    folder = Settings().data_dir
    if folder is None:
        raise SystemExit("FITSERVE_DATA_DIR must name the folder of mnist.npz and cifar10.npz")
    families = built_in(find_families())
    for model in chosen.model or ("digit", "cifar"):
        card, servable = load_version(ModelStore(chosen.store), OnnxRuntime(2), families[model], model, 1)
        measure = card.calibration and card.calibration.measure
        print(f"\n| {model}, by {measure} | refused or unfamiliar |\n|---|---|")
        found = dict(rows(model, servable, folder, chosen.number, chosen.seed))
        for name, share in found.items():
            print(f"| {name} | {share:.1%} |")
        print(f"| mean of all but the first | {np.mean(list(found.values())[1:]):.1%} |")


if __name__ == "__main__":
    main()
