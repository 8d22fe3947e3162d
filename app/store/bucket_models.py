"""What is to be seen of the models in a bucket, and how a register is replaced only by who has seen the latest."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.errors import Damaged, Unavailable
from app.store.backend import MOST_DIGITS
from app.store.bucket_register import BucketRegister, parse_register
from app.store.objects import IF_ABSENT, ListedObject, Objects
from app.store.s3_connection import PreconditionFailed, Unchanged
from app.store.version import CARD, Card, parse_card

REGISTER = "register.json"
ASIDE = "register.damaged"
RIVAL_SECONDS = 60.0  # for which a change is tried while others are quicker


@dataclass(frozen=True)
class ModelSnapshot:
    """A model under one tag of its register; `register` is None when it cannot be understood.

    `tags` are those of the objects that the cards were read from.
    """

    tag: str | None = None
    register: BucketRegister | None = None
    cards: Mapping[int, Card | Damaged] = field(default_factory=dict)
    tags: Mapping[int, str] = field(default_factory=dict)


class BucketModels:
    """The models under the prefix. Whatever becomes visible, or ceases to be, changes a register and so its tag: what
    was seen under the same tag need not be looked for again.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._snapshots: dict[str, ModelSnapshot] = {}

    def names(self) -> list[str]:
        """Everything that may be a model."""
        return [name for name in self._objects.folders() if not name.startswith(".")]

    def snapshot(self, model: str) -> ModelSnapshot:
        """The model as it is now: one short question when nothing has changed."""
        old = self._snapshots.get(model, ModelSnapshot())
        try:
            found = self._objects.get(f"{model}/{REGISTER}", old.tag)
        except Unchanged:
            return old
        register = parse_register(found.content if found else None)
        cards = {
            number: card
            for number, card in self._listed(model).items()
            if (register or BucketRegister()).shows(number, has_card=card is not None)
        }
        self._snapshots[model] = snapshot = self._read(model, cards, old, found.tag if found else None, register)
        return snapshot

    def last_snapshot(self, model: str) -> ModelSnapshot:
        """The model as it was at the last look."""
        return self._snapshots.get(model) or self.snapshot(model)

    def highest(self, model: str) -> int:
        """The highest number under which there is any object."""
        return max(self._listed(model), default=0)

    def leftovers(self, model: str) -> list[int]:
        """The versions whose files are still to be removed."""
        register = self.snapshot(model).register
        if not register or not (register.deletions or register.abandoned):
            return []
        return sorted({*register.deletions, *(set(register.abandoned) & self._listed(model).keys())})

    def rewrite(self, model: str, edit: Callable[[BucketRegister], BucketRegister]) -> BucketRegister:
        """Put what `edit` makes of the register in its place; when others were quicker, of what is there then.

        Where the answer to a write is lost, `edit` sees a register that has its change already. Raises Damaged when
        the register cannot be understood.
        """
        deadline, wait = time.monotonic() + RIVAL_SECONDS, 0.01
        while time.monotonic() < deadline:
            found = self._objects.get(f"{model}/{REGISTER}")
            register = parse_register(found.content if found else None)
            if register is None:
                raise Damaged(f"{model}/{REGISTER} cannot be read; the next start of the service sets it aside")
            new = edit(register)
            if new == register:
                return register
            try:
                self._objects.put(f"{model}/{REGISTER}", _serialized(new), found.tag if found else IF_ABSENT)
            except PreconditionFailed:
                time.sleep(random.uniform(0, wait))
                wait = min(2 * wait, 1.0)
            else:
                return new
        raise Unavailable(
            f"concurrent changes prevented the change of {model} in {self._objects.bucket} for {RIVAL_SECONDS:g} s"
        )

    def quarantine(self, model: str) -> None:
        """Copy a register that cannot be understood to another object, and begin anew."""
        found = self._objects.get(f"{model}/{REGISTER}")
        if found and parse_register(found.content) is None:
            self._objects.put(f"{model}/{ASIDE}", found.content)
            self._objects.put(f"{model}/{REGISTER}", _serialized(BucketRegister(last=self.highest(model))), found.tag)

    # ---- inside

    def _listed(self, model: str) -> dict[int, ListedObject | None]:
        """The numbers under which there are objects, each with its card in the list."""
        listed = self._objects.listing(model)
        numbers = {name.partition("/")[0] for name in listed if "/" in name}
        return {
            int(number): listed.get(f"{number}/{CARD}")
            for number in numbers
            if number.isdecimal() and len(number) <= MOST_DIGITS and str(int(number)) == number
        }

    def _read(
        self,
        model: str,
        listed: Mapping[int, ListedObject | None],
        old: ModelSnapshot,
        tag: str | None,
        register: BucketRegister | None,
    ) -> ModelSnapshot:
        """The cards in the list; those that were read already are known by their tags."""
        tags = {number: card.tag for number, card in listed.items() if card}
        cards = {
            number: card
            for number, card in old.cards.items()
            if number in tags and old.tags.get(number) == tags[number]
        }
        wanted = {f"{model}/{number}/{CARD}": number for number in tags.keys() - cards.keys()}
        contents = self._objects.read_all(wanted)
        cards |= {number: _parsed(contents[key], number) for key, number in wanted.items() if key in contents}
        return ModelSnapshot(tag, register, {number: cards.get(number, _cardless(number)) for number in listed}, tags)


def _serialized(register: BucketRegister) -> bytes:
    return register.stamped().model_dump_json(indent=1).encode()


def _parsed(content: bytes, number: int) -> Card | Damaged:
    try:
        return parse_card(content, str(number))
    except Damaged as fault:
        return Damaged(str(fault))  # without the frames that it came through


def _cardless(number: int) -> Damaged:
    return Damaged(f"{number} has no {CARD}")
