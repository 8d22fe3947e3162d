"""Digits, described: handwritten 0 to 9, learned from MNIST."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from app.families.contract import DataFile, Family, Hyperparameters

MNIST = DataFile(
    name="mnist.npz",
    origin="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    digest="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)


class DigitHyperparameters(Hyperparameters):
    """What can be chosen when a digit network is trained. What is left out takes the network's own default."""

    network: Literal["compact", "classic"] = Field(
        "compact",
        description="`compact`: a small network with batch normalisation, trained with augmentation. "
        "`classic`: the textbook network with two convolutions, without augmentation.",
    )
    dataset: Literal["mnist", "sample"] = Field(
        "mnist",
        description="`mnist`: 60,000 digits. `sample`: 2,400 digits drawn by code, no download.",
    )
    epochs: int | None = Field(
        None, ge=1, le=1000, description="Number of epochs; default 12 for compact, 10 for classic."
    )
    batch_size: int | None = Field(
        None, ge=8, le=4096, description="Pictures per batch; default 128 for compact, 32 for classic."
    )
    learning_rate: float | None = Field(
        None, gt=0, le=1, description="Peak learning rate; default 0.008 for compact, 0.001 for classic."
    )


def files(hyperparameters: DigitHyperparameters) -> Sequence[DataFile]:
    """MNIST, unless the sample will do."""
    return (MNIST,) if hyperparameters.dataset == "mnist" else ()


FAMILY = Family(
    name="digit",
    title="Handwritten digit",
    built_in_models=("digit",),
    task="classify",
    hyperparameters=DigitHyperparameters,
    recipe="app.families.digit.recipe:DigitRecipe",
    servable="app.families.digit.servable:DigitServable",
    files=files,
    model=lambda _: "digit",
    sample={"dataset": "sample", "epochs": 1},
)
