"""The register of a model in a bucket: aliases, split, the numbers that were given, and what is not finished."""

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
    """What `register.json` holds. A version is there when its number was given, and it is neither among the `uploads`
    nor among the `deletions`; `last` is the highest number that was ever given. The `stamp` makes each writing another
    content, since S3 takes the tag from the content, and what was once must never look like what is.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    aliases: dict[str, Number] = {}
    split: dict[Number, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    last: int = Field(0, ge=0)
    uploads: dict[Number, Upload] = {}
    deletions: tuple[Number, ...] = ()
    stamp: str = ""

    @property
    def register(self) -> Register:
        """What every backend's register has."""
        return Register(self.aliases, self.split)

    def shows(self, number: int, *, has_card: bool) -> bool:
        """Whether a version that has files is to be seen. A number that was never given here is that of a version
        which somebody copied into the bucket; its card comes last.
        """
        return number not in self.uploads and number not in self.deletions and (number <= self.last or has_card)

    def beginning(self, number: int, upload: Upload) -> "BucketRegister":
        """With a number given, and its files about to be written."""
        return self._with(last=number, uploads={**self.uploads, number: upload})

    def published(self, number: int) -> "BucketRegister":
        """With a version to be seen whose files are all there."""
        return self._with(uploads=_without(self.uploads, number))

    def hiding(self, number: int) -> "BucketRegister":
        """With a version, or an upload, that is not to be seen any more, while its files are removed."""
        deletions = tuple(sorted({*self.deletions, number}))
        return self._with(uploads=_without(self.uploads, number), deletions=deletions, last=max(self.last, number))

    def abandoning(self, number: int) -> "BucketRegister":
        """The same for an upload, if it is one still."""
        return self.hiding(number) if number in self.uploads else self

    def removed(self, number: int) -> "BucketRegister":
        """With nothing left to do about a version."""
        return self._with(deletions=tuple(other for other in self.deletions if other != number))

    def stamped(self) -> "BucketRegister":
        """The same, as a content that never was."""
        return self._with(stamp=uuid.uuid4().hex)

    def changed(self, register: Register) -> "BucketRegister":
        """With other aliases and another split."""
        return self._with(aliases=dict(register.aliases or {}), split=dict(register.split or {}))

    def _with(self, **facts: Any) -> "BucketRegister":
        return self.model_copy(update=facts)


def parse_register(content: bytes | None) -> BucketRegister | None:
    """The register that an object holds, a new one where there is no object; None when it cannot be understood."""
    try:
        return BucketRegister() if content is None else BucketRegister.model_validate_json(content)
    except ValidationError:
        return None


def _without(uploads: Mapping[int, Upload], number: int) -> dict[int, Upload]:
    return {other: upload for other, upload in uploads.items() if other != number}
