"""The signature in a version's card: all that its network takes and gives, in order."""

from app.families.contract import next_state_name
from app.store.version import Card, TensorCard


def inputs_of(card: Card) -> list[TensorCard]:
    """All that a network takes."""
    return [card.input, *card.states]


def outputs_of(card: Card) -> list[TensorCard]:
    """All that a network gives, in the order of what it takes."""
    return [card.output, *(state.model_copy(update={"name": next_state_name(state.name)}) for state in card.states)]
