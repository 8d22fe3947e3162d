"""The door for the command line: fitserve up | train | predict | generate | jobs | models | keys | doctor."""

import sys

from app.cli.commands import commands
from app.cli.terminal import errors
from app.errors import FitserveError, InvalidRequest


def app() -> None:
    """Run one command; an error of ours is a sentence on standard error and exit code 1."""
    try:
        commands()
    except FitserveError as fault:
        errors.print(str(fault), style="red")
        for detail in fault.details if isinstance(fault, InvalidRequest) else ():
            errors.print(f"  {'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}")  # type: ignore[attr-defined]
        sys.exit(1)
