"""The register of a model in a bucket: aliases, split and withdrawals, the numbers that were given, and what is not
finished.
"""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.store.backend import Register

Number = Annotated[int, Field(ge=1)]


class Upload(BaseModel):
    """A version whose files are being written, by whom, and since when (seconds since 1970)."""

    model_config = ConfigDict(frozen=True)

    owner: str
    since: float


class BucketRegister(BaseModel):
    """What `register.json` holds. A version is there when its number was given, and is not among the `uploads`, nor the
    `deletions`, which are of files not removed yet, nor the `abandoned`, whose writers may still be alive and never see
    them published; `last` is the highest number that was ever given. The `stamp` makes each writing another
    content, since S3 takes the tag from the content, and what was once must never look like what is.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    aliases: dict[str, Number] = {}
    split: dict[Number, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    withdrawn: dict[Number, str] = {}
    last: int = Field(0, ge=0)
    uploads: dict[Number, Upload] = {}
    deletions: tuple[Number, ...] = ()
    abandoned: tuple[Number, ...] = ()
    stamp: str = ""

    @property
    def register(self) -> Register:
        """What every backend's register has."""
        return Register(self.aliases, self.split, self.withdrawn)

    def shows(self, number: int, *, has_card: bool) -> bool:
        """Whether a version that has files is to be seen. A number that was never given here is that of a version
        which somebody copied into the bucket; its card comes last.
        """
        hidden = (*self.uploads, *self.deletions, *self.abandoned)
        return number not in hidden and (number <= self.last or has_card)

    def beginning(self, number: int, upload: Upload) -> "BucketRegister":
        """With a number given, and its files about to be written."""
        return self._with(last=number, uploads={**self.uploads, number: upload})

    def published(self, number: int) -> "BucketRegister":
        """With a version to be seen whose files are all there."""
        return self._with(uploads=_without(self.uploads, number))

    def hiding(self, *numbers: int) -> "BucketRegister":
        """With versions that are not to be seen any more, while their files are removed."""
        return self._with(deletions=_and(self.deletions, *numbers), last=max(self.last, *numbers, 0))

    def abandoning(self, number: int) -> "BucketRegister":
        """With an upload, if it is one still, that will never be a version."""
        if number not in self.uploads:
            return self
        return self._with(uploads=_without(self.uploads, number), abandoned=_and(self.abandoned, number))

    def removed(self, number: int) -> "BucketRegister":
        """With nothing left to do about a version."""
        return self._with(deletions=tuple(other for other in self.deletions if other != number))

    def stamped(self) -> "BucketRegister":
        """The same, as a content that never was."""
        return self._with(stamp=uuid.uuid4().hex)

    def changed(self, register: Register) -> "BucketRegister":
        """With other aliases, another split and other versions out of service."""
        return self._with(
            aliases=dict(register.aliases or {}),
            split=dict(register.split or {}),
            withdrawn=dict(register.withdrawn),
        )

    def _with(self, **facts: Any) -> "BucketRegister":
        return self.model_copy(update=facts)


def parse_register(content: bytes | None) -> BucketRegister | None:
    """The register that an object holds, a new one where there is no object; None when it cannot be understood."""
    try:
        return BucketRegister() if content is None else BucketRegister.model_validate_json(content)
    except ValidationError:
        return None


def _and(numbers: tuple[int, ...], *more: int) -> tuple[int, ...]:
    return tuple(sorted({*numbers, *more}))


def _without(uploads: Mapping[int, Upload], number: int) -> dict[int, Upload]:
    return {other: upload for other, upload in uploads.items() if other != number}
