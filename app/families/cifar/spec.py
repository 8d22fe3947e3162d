"""Photographs, described: the ten things of CIFAR-10, by a network of one's own or by transfer from ImageNet."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from app.families.cifar.files import CIFAR10, IMAGENET
from app.families.contract import DataFile, Family, Hyperparameters

Epochs = Annotated[int | None, Field(ge=0, le=1000)]
BatchSize = Annotated[int | None, Field(ge=8, le=4096)]
Rate = Annotated[float | None, Field(gt=0, le=10)]

TRANSFER_ONLY = (
    "preprocessing", "unfreeze", "head_epochs", "head_learning_rate", "head_batch_size",
    "fine_tune_epochs", "fine_tune_learning_rate", "fine_tune_batch_size",
)  # fmt: skip
COMPACT_ONLY = ("epochs", "batch_size", "learning_rate")

# What is left out, by recipe and backbone.
ONE_CYCLE = {"weights": "none", "epochs": 24, "batch_size": 512, "learning_rate": 0.4, "augment": "full"}
TEXTBOOK = {
    "weights": "imagenet", "preprocessing": "unit", "augment": "none", "precision": "float32",
    "head_epochs": 5, "head_learning_rate": 1e-3, "head_batch_size": 32,
    "fine_tune_epochs": 5, "fine_tune_learning_rate": 1e-5, "fine_tune_batch_size": 64,
}  # fmt: skip
WHOLE_BACKBONE = {
    "weights": "imagenet", "preprocessing": "imagenet", "augment": "full",
    "head_epochs": 2, "head_learning_rate": 1e-3, "head_batch_size": 128,
    "fine_tune_epochs": 5, "fine_tune_learning_rate": 1e-4, "fine_tune_batch_size": 128,
}  # fmt: skip
DEFAULTS: dict[tuple[str, str], dict[str, Any]] = {
    ("classic", "vgg16"): TEXTBOOK | {"unfreeze": 4},
    ("classic", "resnet50"): TEXTBOOK | {"unfreeze": 10},
    ("best", "compact"): ONE_CYCLE,
    ("best", "vgg16"): WHOLE_BACKBONE | {"unfreeze": 18},
    ("best", "resnet50"): WHOLE_BACKBONE | {"unfreeze": 174},
}


class CifarHyperparameters(Hyperparameters):
    """What can be chosen when photographs are learned. What is left out takes the recipe's own default."""

    recipe: Literal["best", "classic"] = Field(
        "best",
        description="`best`: highest measured accuracy: augmentation, one-cycle learning rate, label smoothing. "
        "`classic`: textbook transfer learning in two phases.",
    )
    backbone: Literal["compact", "vgg16", "resnet50"] | None = Field(
        None,
        description="`compact`: a small residual network trained from scratch. `vgg16`, `resnet50`: networks "
        "pretrained on ImageNet. Default compact for best, vgg16 for classic.",
    )
    weights: Literal["imagenet", "none"] | None = Field(
        None, description="Initial weights of the backbone; default `imagenet` for vgg16 and resnet50."
    )
    dataset: Literal["cifar10", "sample"] = Field(
        "cifar10",
        description="`cifar10`: 60,000 photographs. `sample`: 1,200 coloured shapes drawn by code, no download.",
    )
    augment: Literal["none", "mirror", "full"] | None = Field(
        None,
        description="`mirror`: flip half of the pictures; `full`: also shift them at random, so that the output of "
        "frozen layers cannot be cached. Default full for best, none for classic.",
    )
    precision: Literal["float32", "bfloat16"] | None = Field(
        None,
        description="Precision of training; versions are always float32. Default bfloat16 for best where the processor "
        "supports it, float32 for classic.",
    )
    epochs: int | None = Field(None, ge=1, le=1000, description="Number of epochs of compact; default 24.")
    batch_size: BatchSize = Field(None, description="Pictures per batch of compact; default 512.")
    learning_rate: Rate = Field(None, description="Peak learning rate of compact; default 0.4.")

    preprocessing: Literal["unit", "imagenet"] | None = Field(
        None,
        description="Input of vgg16 and resnet50. `unit`: pixels divided by 255; `imagenet`: as in their pretraining. "
        "Default unit for classic.",
    )
    unfreeze: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Number of the backbone's last layers trained in the phase `fine_tune`; default all for best, "
        "for classic 4 of vgg16 (its last block) and 10 of resnet50.",
    )
    head_epochs: Epochs = Field(None, description="Epochs with the backbone frozen; default 5 for classic, 2 for best.")
    head_learning_rate: Rate = Field(None, description="Learning rate of the phase `head`; default 0.001.")
    head_batch_size: BatchSize = Field(
        None, description="Pictures per batch in the phase `head`; default 32 for classic, 128 for best."
    )
    fine_tune_epochs: Epochs = Field(
        None, description="Epochs in which the `unfreeze` layers are trained too; default 5."
    )
    fine_tune_learning_rate: Rate = Field(
        None, description="Learning rate of the phase `fine_tune`; default 0.00001 for classic, 0.0001 for best."
    )
    fine_tune_batch_size: BatchSize = Field(
        None, description="Pictures per batch in the phase `fine_tune`; default 64 for classic, 128 for best."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        backbone = self.backbone or default_backbone(self)
        if (self.recipe, backbone) not in DEFAULTS:
            raise ValueError("the classic recipe needs a pretrained backbone: choose vgg16 or resnet50")
        if backbone == "compact" and self.weights == "imagenet":
            raise ValueError("there are no ImageNet weights for compact; choose vgg16 or resnet50, or weights none")
        strangers = TRANSFER_ONLY if backbone == "compact" else COMPACT_ONLY
        misplaced = [name for name in strangers if getattr(self, name) is not None]
        if misplaced:
            has = ", ".join(COMPACT_ONLY if backbone == "compact" else TRANSFER_ONLY)
            raise ValueError(f"{', '.join(misplaced)}: not with backbone {backbone}, which has {has}")
        if backbone != "compact" and self.head_epochs == self.fine_tune_epochs == 0:
            raise ValueError("head_epochs and fine_tune_epochs are both 0: nothing would be learned")
        return self


def default_backbone(chosen: CifarHyperparameters) -> str:
    """The backbone that a recipe takes when none is named."""
    return "compact" if chosen.recipe == "best" else "vgg16"


def filled_in(chosen: CifarHyperparameters) -> CifarHyperparameters:
    """The same hyperparameters with every default of recipe and backbone in its place, except the precision's."""
    backbone = chosen.backbone or default_backbone(chosen)
    defaults = DEFAULTS[chosen.recipe, backbone] | {"backbone": backbone}
    return CifarHyperparameters(**defaults | chosen.model_dump(exclude_none=True))


def files(chosen: CifarHyperparameters) -> Sequence[DataFile]:
    """CIFAR-10 unless the sample will do, and the backbone's weights."""
    whole = filled_in(chosen)
    data = [CIFAR10] if whole.dataset == "cifar10" else []
    return [*data, IMAGENET[whole.backbone]] if whole.weights == "imagenet" and whole.backbone else data


FAMILY = Family(
    name="cifar",
    title="Photograph of one of ten things",
    built_in_models=("cifar",),
    task="classify",
    hyperparameters=CifarHyperparameters,
    recipe="app.families.cifar.recipe:CifarRecipe",
    servable="app.families.cifar.servable:CifarServable",
    files=files,
    model=lambda _: "cifar",
    sample={"dataset": "sample", "epochs": 1, "batch_size": 64},
)
