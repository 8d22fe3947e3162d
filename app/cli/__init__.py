"""The door for the command line: fitserve up | train | predict | generate | jobs | models | keys | doctor."""

import sys

from typer import TyperException

from app.cli.commands import commands
from app.cli.terminal import errors
from app.errors import FitserveError, InvalidRequest, SystemFault


def app() -> None:
    """Run one command; an error of ours is a sentence on standard error and exit code 1, a wrong use of it 2."""
    try:
        status = commands(standalone_mode=False)
    except TyperException as fault:  # no such command or option; without a message its help is there already
        if message := fault.format_message():
            errors.print(message, style="red")
            context = getattr(fault, "ctx", None)
            errors.print(f"{context.command_path if context else 'fitserve'} --help tells what there is")
        status = fault.exit_code
    except (FitserveError, OSError) as fault:
        error = fault if isinstance(fault, FitserveError) else SystemFault.of(fault)
        if error is None:
            raise
        errors.print(str(error), style="red")
        for detail in error.details if isinstance(error, InvalidRequest) else ():
            errors.print(f"  {'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}")  # type: ignore[attr-defined]
        status = 1
    sys.exit(status or 0)
