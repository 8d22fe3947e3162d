"""Digits as people send them, and other things, through the digit servable of one or more stores, side by side.

    FITSERVE_DATA_DIR=... python -m bench.digit_situations [--stores STORE ...] [--each 200] [--seed 0]

The pictures are drawn by code from the seed (tests/situations.py, tests/other_things.py), half of the digits from
MNIST's test part; photographs are those of CIFAR-10's. Prints two Markdown tables: how many digits were read right, and
how many other things were refused or called unfamiliar. Its last column counts what is refused or answered below 0.9,
for versions that are not calibrated.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from app.errors import InvalidRequest
from app.families.contract import Classification
from app.families.digit.spec import FAMILY
from app.families.imaging import png, read_picture
from app.serving.runtimes.onnx import OnnxRuntime
from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.other_things import OTHER_THINGS, photograph, several
from tests.situations import SITUATIONS, Bytes, digit_for, drawn, handwritten
from tests.stored_versions import load_version

Read = Callable[[Bytes], Classification | None]


def reader(store: Path) -> Read:
    """Asks the live version of a store, or its latest; None for a picture that is refused."""
    models = ModelStore(store)
    version = models.aliases("digit").get("live") or max(card.version for card in models.versions("digit"))
    _, servable = load_version(models, OnnxRuntime(1), FAMILY, "digit", version)

    def read(picture: Bytes) -> Classification | None:
        try:
            instance = servable.decode(read_picture(png(picture), max_pixels=10_000_000), "whole")
        except InvalidRequest:
            return None
        answer: Classification = servable.answer(servable.predict([instance])[0], None)
        return answer

    return read


def situations(data_dir: Path, each: int, seed: int) -> Iterator[tuple[str, list[tuple[int, Bytes]]]]:
    """For each kind its pictures with the digits that they show."""
    with np.load(data_dir / "mnist.npz") as file:
        pictures, labels = file["x_test"], file["y_test"]
    for at, (kind, make) in enumerate(SITUATIONS.items()):
        rng = np.random.default_rng([seed, at])
        sources = (drawn(rng), handwritten(pictures, labels, rng))
        digits = [digit_for(kind, index) for index in range(each)]
        yield kind, [(digit, make(digit, sources[index // 10 % 2], rng)) for index, digit in enumerate(digits)]
    chosen = np.random.default_rng(seed).choice(len(pictures), each)
    yield "MNIST's test part", [(int(labels[k]), pictures[k] if k % 2 else 255 - pictures[k]) for k in chosen]


def others(data_dir: Path, each: int, seed: int) -> Iterator[tuple[str, list[Bytes]]]:
    """For each kind of other things its pictures."""
    with np.load(data_dir / "mnist.npz") as file:
        pictures, labels = file["x_test"], file["y_test"]
    with np.load(data_dir / "cifar10.npz") as file:
        photographs = file["x_test"]
    kinds: dict[str, Callable[[np.random.Generator], Bytes]] = {
        **OTHER_THINGS,
        "several digits": lambda rng: several(handwritten(pictures, labels, rng), rng),
        "photographs": partial(photograph, photographs),
    }
    for at, (kind, make) in enumerate(kinds.items()):
        rng = np.random.default_rng([seed, at])
        yield kind, [make(rng) for _ in range(each)]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--stores", type=Path, nargs="+", default=[STARTERS])
    options.add_argument("--each", type=int, default=200)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    data_dir = Path(os.environ["FITSERVE_DATA_DIR"])
    reads = [reader(store) for store in chosen.stores]
    print("| digits | " + " | ".join(f"{store}: right | unfamiliar | refused" for store in chosen.stores) + " |")
    print("|---" * (1 + 3 * len(reads)) + "|")
    for kind, shown in situations(data_dir, chosen.each, chosen.seed):
        print(f"| {kind} | " + " | ".join(_digits(read, shown) for read in reads) + " |", flush=True)
    print()
    print(
        "| other things | "
        + " | ".join(f"{store}: refused | refused or unfamiliar | below 0.9" for store in chosen.stores)
        + " |"
    )
    print("|---" * (1 + 3 * len(reads)) + "|")
    for kind, pictures in others(data_dir, chosen.each, chosen.seed):
        print(f"| {kind} | " + " | ".join(_others(read, pictures) for read in reads) + " |", flush=True)


def _digits(read: Read, shown: list[tuple[int, Bytes]]) -> str:
    answers = [read(picture) for _, picture in shown]
    right = [
        answer is not None and answer.label == str(digit) for answer, (digit, _) in zip(answers, shown, strict=True)
    ]
    strange = [answer is not None and answer.familiar is False for answer in answers]
    return " | ".join(f"{np.mean(share):.1%}" for share in (right, strange, [answer is None for answer in answers]))


def _others(read: Read, pictures: list[Bytes]) -> str:
    answers = [read(picture) for picture in pictures]
    refused = [answer is None for answer in answers]
    doubted = [answer is None or answer.familiar is False for answer in answers]
    unsure = [answer is None or answer.confidence < 0.9 for answer in answers]
    return " | ".join(f"{np.mean(share):.1%}" for share in (refused, doubted, unsure))


if __name__ == "__main__":
    main()
