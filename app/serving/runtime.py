"""The port of a runtime: what turns a version's folder into something that can be run."""

from pathlib import Path
from typing import Protocol

from app.families.contract import Executable


class Runtime(Protocol):
    """Loads exported networks."""

    name: str

    def load(self, folder: Path) -> Executable:
        """The network in a version's folder, ready to run; raises Damaged when it cannot be loaded."""
