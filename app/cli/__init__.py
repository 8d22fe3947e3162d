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
        if said := fault.format_message():
            errors.print(said, style="red")
            context = getattr(fault, "ctx", None)
            errors.print(f"{context.command_path if context else 'fitserve'} --help tells what there is")
        status = fault.exit_code
    except (FitserveError, OSError) as raised:
        fault = raised if isinstance(raised, FitserveError) else SystemFault.of(raised)
        if fault is None:
            raise
        errors.print(str(fault), style="red")
        for detail in fault.details if isinstance(fault, InvalidRequest) else ():
            errors.print(f"  {'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}")  # type: ignore[attr-defined]
        status = 1
    sys.exit(status or 0)
