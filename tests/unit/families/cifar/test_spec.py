"""Hyperparameters for photographs: defaults by recipe and backbone, and combinations that make no sense are refused."""

import pytest
from pydantic import ValidationError

from app.families.cifar.spec import CifarHyperparameters, files, filled_in


def test_classic_is_the_textbooks_recipe():
    chosen = filled_in(CifarHyperparameters(recipe="classic"))
    assert (chosen.backbone, chosen.weights, chosen.preprocessing, chosen.augment) == (
        "vgg16", "imagenet", "unit", "none",
    )  # fmt: skip
    assert (chosen.head_epochs, chosen.head_learning_rate, chosen.head_batch_size) == (5, 1e-3, 32)
    assert (chosen.fine_tune_epochs, chosen.fine_tune_learning_rate, chosen.fine_tune_batch_size) == (5, 1e-5, 64)
    assert chosen.unfreeze == 4


def test_what_is_chosen_is_kept():
    chosen = filled_in(CifarHyperparameters(recipe="classic", head_epochs=0, unfreeze=8))
    assert (chosen.head_epochs, chosen.unfreeze, chosen.fine_tune_epochs) == (0, 8, 5)


def test_best_needs_no_weights_by_default():
    assert [file.name for file in files(CifarHyperparameters())] == ["cifar-10-python.tar.gz"]
    assert len(files(CifarHyperparameters(backbone="resnet50"))) == 2
    assert files(CifarHyperparameters(backbone="vgg16", weights="none", dataset="sample")) == []


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"recipe": "classic", "backbone": "compact"}, "classic recipe needs a pretrained backbone"),
        ({"backbone": "compact", "weights": "imagenet"}, "no ImageNet weights for compact"),
        ({"head_epochs": 3}, "head_epochs: not with backbone compact"),
        ({"recipe": "classic", "epochs": 3}, "epochs: not with backbone vgg16.*head_epochs"),
        ({"backbone": "vgg16", "head_epochs": 0, "fine_tune_epochs": 0}, "nothing would be learned"),
        ({"epochs": 0}, "greater than or equal to 1"),
        ({"backbone": "alexnet"}, "compact"),
        ({"unfreeze": 0, "recipe": "classic"}, "greater than or equal to 1"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(wishes: dict[str, object], words: str):
    with pytest.raises(ValidationError, match=words):
        CifarHyperparameters.model_validate(wishes)
