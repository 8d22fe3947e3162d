"""Reading a store: models, their versions, and the register of each model."""

from collections.abc import Iterator
from pathlib import Path

from app.errors import Damaged, NotFound, SystemFault
from app.paths import CORPORA
from app.store.backend import MOST_DIGITS, Backend, Register
from app.store.folder import FolderBackend
from app.store.shared_folder import JobFolders, SharedFolder
from app.store.version import CARD, Card


class StoreReader:
    """What a store holds. A version without a valid card does not exist for readers."""

    def __init__(self, backend: Backend | Path) -> None:
        """`backend` keeps the store; a path stands for a store in that folder."""
        self._backend: Backend = FolderBackend(backend) if isinstance(backend, Path) else backend
        self.jobs = JobFolders(self._backend.shared_names, self._backend.shared)

    @property
    def corpora(self) -> SharedFolder:
        """The shared folder of uploaded texts."""
        return self._backend.shared(CORPORA)

    def models(self) -> list[str]:
        """The models that have a version, by name."""
        return self._backend.models()

    def family(self, model: str) -> str | None:
        """The family of a model, by the card of its newest sound version; None while it has none."""
        found = (card for number in reversed(self.numbers(model)) if (card := self._sound(model, number)))
        return next((card.family for card in found), None)

    def numbers(self, model: str) -> list[int]:
        """The numbers of a model's versions, sound or not, in order."""
        return self._backend.numbers(model)

    def inspect_versions(self, model: str) -> Iterator[tuple[int, Card | Damaged | SystemFault]]:
        """Every version with its card, or with what is wrong; one that is deleted meanwhile does not count."""
        for number in self.numbers(model):
            try:
                yield number, self._read(model, number)
            except (Damaged, SystemFault) as fault:
                if number in self.numbers(model):
                    yield number, fault

    def versions(self, model: str) -> list[Card]:
        """The cards of a model's sound versions, oldest first."""
        return [card for _, card in self.inspect_versions(model) if isinstance(card, Card)]

    def faults(self, model: str) -> dict[int, str]:
        """The versions that cannot be read or were withdrawn, and why."""
        withdrawn = self.register(model).withdrawn
        return {
            number: withdrawn[number] if isinstance(found, Card) else str(found)
            for number, found in self.inspect_versions(model)
            if not isinstance(found, Card) or number in withdrawn
        }

    def card(self, model: str, version: int) -> Card:
        """One card; raises NotFound when there is no such version, Damaged when it is not sound."""
        self._check_exists(model, version)
        return self._read(model, version)

    def folder(self, model: str, version: int) -> Path:
        """Where a version's files lie on this machine, fetched if need be; raises NotFound or Damaged."""
        return self._backend.folder(self.card(model, version))

    def verified_path(self, card: Card) -> Path:
        """Where a version's files lie on this machine, every byte just compared with its card; raises Damaged."""
        return self._backend.verified_path(card)

    def verify(self, card: Card) -> None:
        """Compare every stored byte of a version with its card; raises Damaged."""
        self._backend.verify(card)

    def register(self, model: str) -> Register:
        """The aliases and the split of a model in one look; None for what cannot be understood."""
        return self._backend.register(model)

    def aliases(self, model: str) -> dict[str, int]:
        """The aliases of a model; empty when none was ever set. Raises Damaged when they cannot be understood."""
        return aliases_of(model, self.register(model))

    def split(self, model: str) -> dict[int, float]:
        """The weights of the versions that share a model's requests; empty when `live` answers them all.

        Raises Damaged when they cannot be understood.
        """
        return split_of(model, self.register(model))

    def resolve(self, model: str, reference: str | int) -> int:
        """The version that a number or an alias means; raises NotFound."""
        if str(reference).isdecimal() and len(str(reference)) <= MOST_DIGITS:
            return self.card(model, int(reference)).version
        aliases = self.aliases(model)
        if reference not in aliases:
            known = ", ".join(sorted(aliases)) or "none"
            raise NotFound(f"{model} has no version or alias {str(reference)[:40]!r}; aliases: {known}")
        return aliases[str(reference)]

    def published_by(self, model: str, job: str) -> Card | None:
        """The version that a job has published already, if it has."""
        return next((card for card in self.versions(model) if card.job == job), None)

    def _read(self, model: str, version: int) -> Card:
        card = self._backend.read(model, version)
        if (card.model, card.version) != (model, version):
            raise Damaged(f"{version}/{CARD} is the card of {card.model} {card.version}")
        return card

    def _sound(self, model: str, version: int) -> Card | None:
        try:
            return self._read(model, version)
        except (Damaged, SystemFault):
            return None

    def _check_exists(self, model: str, version: int) -> None:
        numbers = self.numbers(model)
        if version not in numbers:
            known = ", ".join(str(number) for number in numbers) or "none"
            raise NotFound(f"{model} has no version {version}; versions: {known}")


def aliases_of(model: str, register: Register) -> dict[str, int]:
    """The aliases of a model by name; raises Damaged when they cannot be read."""
    if register.aliases is None:
        raise Damaged(f"the aliases of {model} cannot be read; the next start of the service sets them aside")
    return dict(register.aliases)


def split_of(model: str, register: Register) -> dict[int, float]:
    """The weights of a model's versions by number; raises Damaged when they cannot be read."""
    if register.split is None:
        raise Damaged(f"the split of {model} cannot be read: set it again, or end it")
    return dict(register.split)
