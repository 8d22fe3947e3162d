"""What a check of `fitserve doctor` found. Checks change nothing."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["good", "note", "wrong"]


@dataclass(frozen=True)
class CheckResult:
    """One line of the report; a note asks for nothing to be done."""

    subject: str
    state: State
    text: str
