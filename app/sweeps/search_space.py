"""The space of a sweep: what is tried of each hyperparameter, checked before anything is queued."""

from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Annotated, Any, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, TypeAdapter, model_validator

from app.errors import InvalidRequest
from app.families.contract import Family, at_most
from app.submission.training import parse_hyperparameters

MOST_CHOICES = 100
MOST_DIMENSIONS = 20
MOST_CORNERS = 256

LONGEST_CHOICE = 1_000  # characters

Scalar: TypeAlias = bool | int | float | Annotated[str, StringConstraints(max_length=LONGEST_CHOICE)] | None


class Range(BaseModel):
    """A range of numbers, both ends included."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    low: int | float = Field(examples=[0.001])
    high: int | float = Field(examples=[0.02])
    log: bool = Field(False, description="Sample on a logarithmic scale. Not together with `step`.")
    step: int | float | None = Field(
        None, gt=0, description="Sample only `low` plus multiples of this step. Not together with `log`."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"`low` must be less than `high`, but {self.low} is not less than {self.high}")
        if self.log and self.low <= 0:
            raise ValueError("on a logarithmic scale `low` must be above 0")
        if self.log and self.step is not None:
            raise ValueError("a logarithmic scale has no `step`")
        return self

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """What is checked of it."""
        return self.low, self.high


class Choices(BaseModel):
    """A list of choices."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    choices: Annotated[tuple[Scalar, ...], at_most(MOST_CHOICES)] = Field(
        min_length=1, max_length=MOST_CHOICES, examples=[[64, 128, 256]], strict=False
    )

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """What is checked of it."""
        return self.choices


def _kind(given: Any) -> str:
    """What somebody who gave this meant, so that only its own faults are told."""
    listed = "choices" in given if isinstance(given, dict) else isinstance(given, Choices)
    return "choices" if listed else "range"


Dimension: TypeAlias = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)
]
Space: TypeAlias = dict[str, Dimension]
SPACE: TypeAdapter[Space] = TypeAdapter(Space)


def validated(family: Family, space: Space, fixed: Mapping[str, Any]) -> Space:
    """The space, its values as the family's hyperparameters have them.

    Raises InvalidRequest with all that does not fit.
    """
    _check_names(family, space, fixed)
    whole = {name: _in_kind(family, name, dimension) for name, dimension in space.items()}
    first = {name: dimension.ends[0] for name, dimension in whole.items()}
    values: dict[str, list[Scalar]] = {name: [] for name in space}
    faults: dict[Any, Any] = {}
    for name, dimension in whole.items():
        for index, value in enumerate(dimension.ends):
            try:
                chosen = parse_hyperparameters(family, {**fixed, **first, name: value})
                values[name].append(chosen.model_dump(mode="json")[name])
            except InvalidRequest as fault:
                for detail in fault.details:
                    loc = _location(detail["loc"], space, name, index)
                    faults[loc, detail["msg"]] = {**detail, "loc": loc}
    if faults:
        raise InvalidRequest("invalid search space", list(faults.values()))
    return {
        name: Choices(choices=(*dict.fromkeys(values[name]),)) if isinstance(dimension, Choices) else dimension
        for name, dimension in whole.items()
    }


def corners(space: Space) -> Iterator[dict[str, Scalar]]:
    """Combinations of ends and choices, of many spaces not all."""
    combinations = product(*(dimension.ends for dimension in space.values()))
    return (dict(zip(space, values, strict=True)) for values in islice(combinations, MOST_CORNERS))


def _check_names(family: Family, space: Space, fixed: Mapping[str, Any]) -> None:
    known = family.hyperparameters.model_fields
    for name in space:
        if name not in known:
            raise _invalid(name, f"{family.name} has no such hyperparameter; it has {', '.join(known)}")
        if name in fixed:
            raise _invalid(name, "it is fixed in `hyperparameters` too")


def _in_kind(family: Family, name: str, dimension: Dimension) -> Dimension:
    """A range of what the hyperparameter counts in: whole numbers, or any."""
    if isinstance(dimension, Choices):
        return dimension
    annotation = family.hyperparameters.model_fields[name].annotation
    kinds = get_args(annotation) or (annotation,)
    if float in kinds:
        step = dimension.step if dimension.step is None else float(dimension.step)
        return dimension.model_copy(update={"low": float(dimension.low), "high": float(dimension.high), "step": step})
    if int not in kinds:
        raise _invalid(name, "it is no number, so it has no range: give `choices`")
    parts = dimension.model_dump(exclude={"log"}, exclude_none=True)
    for part, value in parts.items():
        if value != int(value):
            raise _invalid(name, f"it is a whole number, so `{part}` cannot be {value}")
    return dimension.model_copy(update={part: int(value) for part, value in parts.items()})


def _location(loc: Any, space: Space, name: str, number: int) -> tuple[Any, ...]:
    """Where in a request for a sweep a fault is that was found while a value of one dimension was tried."""
    faulty, *rest = loc or (name,)
    if faulty not in space:
        return "hyperparameters", faulty, *rest
    if faulty != name:
        number = 0  # all others were at their first
    return (
        ("space", faulty, ("low", "high")[number])
        if isinstance(space[faulty], Range)
        else ("space", faulty, "choices", number)
    )


def _invalid(name: str, why: str) -> InvalidRequest:
    fault = {"loc": ("space", name), "msg": why, "type": "value_error"}
    return InvalidRequest("invalid search space", [fault])
