"""The port of a store's backend: where versions lie, how one comes into sight, and how writers take turns."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field, TypeAdapter

from app.store.shared_folder import SharedFolder
from app.store.version import Card

MOST_DIGITS = 9  # of a version's number
ALIASES: TypeAdapter[dict[str, int]] = TypeAdapter(dict[str, Annotated[int, Field(ge=1)]])
WITHDRAWN: TypeAdapter[dict[int, str]] = TypeAdapter(dict[Annotated[int, Field(ge=1)], str])
SPLIT: TypeAdapter[dict[int, float]] = TypeAdapter(
    dict[Annotated[int, Field(ge=1)], Annotated[float, Field(gt=0, allow_inf_nan=False)]]
)


@dataclass(frozen=True)
class Register:
    """What can change about a model: its aliases, the weights by which versions share its requests, and which versions
    were taken out of service, and why.

    None stands for what is there and cannot be understood; of what was withdrawn, nothing is known then.
    """

    aliases: Mapping[str, int] | None = field(default_factory=dict)
    split: Mapping[int, float] | None = field(default_factory=dict)
    withdrawn: Mapping[int, str] = field(default_factory=dict)


class Backend(Protocol):
    """Keeps versions, whole or not at all, and one register for each model.

    Every method may raise Unavailable. A number is never given to two versions.
    """

    def open(self) -> None:
        """See whether it can be used; raises Unavailable."""

    def models(self) -> list[str]:
        """The models that have a version, sound or not, by name."""

    def numbers(self, model: str) -> list[int]:
        """The numbers of a model's versions, sound or not, in order."""

    def read(self, model: str, version: int) -> Card:
        """The card of a version that is there; raises Damaged when there is none or it cannot be understood."""

    def folder(self, card: Card) -> Path:
        """Where a version's files lie on this machine; raises Damaged when they cannot be had."""

    def verified_path(self, card: Card) -> Path:
        """As `folder`, after every byte was compared with the card; raises Damaged."""

    def verify(self, card: Card) -> None:
        """Compare every byte that is stored with the card; raises Damaged."""

    def register(self, model: str) -> Register:
        """The register of a model; empty when nothing was ever written into it."""

    def change(self, model: str, edit: Callable[[Register], Register]) -> Register:
        """Put what `edit` makes of the register in its place, and lose nothing that others write; returns it.

        `edit` may be called several times, and may raise to change nothing.
        """

    def quarantine(self, model: str) -> None:
        """Keep the aliases, which cannot be understood, under another name, and begin them anew."""

    def stage(self, owner: str) -> Path:
        """A new, private folder on this machine for `owner` to write a version into."""

    def publish(self, staged: Path, model: str, card: Callable[[int], Card], check: Callable[[Card], None]) -> Card:
        """Make the staged folder the next version, with the card that `card` makes for its number, unless `check`
        raises for that card and what the model then is.
        """

    def remove_all(self, model: str) -> None:
        """Remove every version of a model at once, and all that its register says; their numbers stay taken."""

    def remove(self, model: str, version: int, check: Callable[[Register], None]) -> None:
        """Remove a version at once, unless `check` raises for the register as it then is."""

    def discard(self, owner: str) -> None:
        """Remove what `owner` began and did not publish."""

    def sweep(self, owners: Collection[str]) -> None:
        """Remove what others than these `owners` began long enough ago to be dead, and finish what they left."""

    def seed_lock(self) -> AbstractContextManager[None]:
        """Wait for one's turn to fill an empty store; who dies within it holds nobody up for long."""

    def shared(self, name: str) -> SharedFolder:
        """A folder beside the versions, such as `.corpora` or `.jobs/3f9c2a7b1d40`, that every node finds."""

    def shared_names(self, name: str) -> list[str]:
        """What the folder `name` has folders for, such as the jobs in `.jobs`."""
