"""The port of a runtime: what turns a version's folder into something that can be run."""

from pathlib import Path
from typing import Protocol

from app.families.contract import Executable
from app.store.version import Card


class Runtime(Protocol):
    """Loads exported networks. What it loads takes batches of any size, and gives outputs in the card's order."""

    @property
    def name(self) -> str:
        """What it is called in settings and in /health/ready."""

    @property
    def fault(self) -> str | None:
        """Why what it loaded does not run now; None while it does."""

    def platform(self, card: Card) -> str:
        """What runs a version, and from which of its files, in the words of the Open Inference Protocol."""

    def load(self, folder: Path) -> Executable:
        """The network in a version's folder, ready to run; raises Damaged when it cannot be loaded.

        What is loaded raises Unavailable when its device fails.
        """
