"""The space of a sweep: what does not fit is said at once, and where."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.errors import InvalidRequest
from app.families.catalog import family_named
from app.sweeps.search_space import SPACE, corners, validated

DIGIT, TEXT, CIFAR = (family_named(name) for name in ("digit", "text", "cifar"))


def faults(family: Any, space: dict[str, Any], **fixed: Any) -> list[tuple[str, str]]:
    """Where and what."""
    with pytest.raises(InvalidRequest) as refused:
        validated(family, SPACE.validate_python(space), fixed)
    details: Any = refused.value.details
    return [(".".join(map(str, one["loc"])), one["msg"]) for one in details]


def test_ranges_become_what_the_hyperparameter_counts_in():
    given = {"learning_rate": {"low": 1, "high": 1.5}, "batch_size": {"low": 8, "high": 64, "step": 8}}
    with pytest.raises(InvalidRequest):
        validated(DIGIT, SPACE.validate_python(given), {})
    given["learning_rate"] = {"low": 0.5, "high": 1}
    space = SPACE.dump_python(validated(DIGIT, SPACE.validate_python(given), {}))
    assert space["learning_rate"] == {"low": 0.5, "high": 1.0, "log": False, "step": None}
    assert isinstance(space["learning_rate"]["high"], float)
    assert [type(space["batch_size"][part]) for part in ("low", "high", "step")] == [int] * 3


def test_choices_are_spelled_as_the_family_spells_them():
    space = validated(TEXT, SPACE.validate_python({"cell": {"choices": ["rnn", "simple_rnn"]}}), {})
    assert SPACE.dump_python(space) == {"cell": {"choices": ("simple_rnn",)}}


def test_everything_that_does_not_fit_is_told_with_its_place():
    space = {"learning_rate": {"low": 0, "high": 5}, "batch_size": {"choices": [64, 1, "x"]}}
    told = faults(DIGIT, space, dataset="no")
    assert [store_fixture for store_fixture, _ in told] == [
        "hyperparameters.dataset",
        "space.learning_rate.low",
        "space.learning_rate.high",
        "space.batch_size.choices.1",
        "space.batch_size.choices.2",
    ]
    assert told[1][1] == "Input should be greater than 0"


@pytest.mark.parametrize(
    ("space", "fixed", "why"),
    [
        ({"stranger": {"choices": [1]}}, {}, "no such hyperparameter; it has seed, network"),
        ({"epochs": {"low": 1, "high": 3}}, {"epochs": 2}, "fixed in `hyperparameters` too"),
        ({"dataset": {"low": 1, "high": 3}}, {}, "no range: give `choices`"),
        ({"epochs": {"low": 1, "high": 3.5}}, {}, "whole number, so `high` cannot be 3.5"),
    ],
)
def test_a_dimension_that_cannot_be_is_refused(space: dict[str, Any], fixed: dict[str, Any], why: str):
    ((_, told),) = faults(DIGIT, space, **fixed)
    assert why in told


def test_what_does_not_fit_together_is_refused_where_it_is_tried():
    ((store_fixture, told),) = faults(
        CIFAR, {"recipe": {"choices": ["best", "classic"]}, "epochs": {"low": 1, "high": 3}}
    )
    assert store_fixture == "space.recipe.choices.1"
    assert "epochs: not with backbone vgg16" in told


@pytest.mark.parametrize(
    ("dimension", "why"),
    [
        ({"low": 2, "high": 1}, "`low` must be less than `high`"),
        ({"low": 0, "high": 1, "log": True}, "`low` must be above 0"),
        ({"low": 1, "high": 9, "log": True, "step": 2}, "no `step`"),
        ({"low": 1, "high": 9, "step": 0}, "greater than 0"),
        ({"low": float("nan"), "high": 1}, "finite"),
        ({"low": "1", "high": 2}, "valid"),
        ({"low": 1}, "Field required"),
        ({"choices": []}, "at least 1 item"),
        ({"choices": [1], "low": 1}, "Extra inputs"),
        ([1, 2], "dictionary"),
    ],
)
def test_a_dimension_that_is_none_is_refused_for_its_own_faults_alone(dimension: Any, why: str):
    with pytest.raises(ValidationError, match=why) as refused:
        SPACE.validate_python({"learning_rate": dimension})
    kind = "choices" if "choices" in dimension else "range"
    assert {error["loc"][:2] for error in refused.value.errors()} <= {("learning_rate", kind), ("learning_rate",)}


def test_corners_are_all_combinations_of_a_small_space_and_some_of_a_large_one():
    space = SPACE.validate_python({"a": {"low": 1, "high": 2}, "b": {"choices": ["x", "y", "z"]}})
    assert len(list(corners(space))) == 6
    large = SPACE.validate_python({name: {"choices": list(range(100))} for name in "abc"})
    assert len(list(corners(large))) == 256
