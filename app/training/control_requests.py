"""What ends a training before its time, raised by its reports."""

from app.errors import FitserveError


class Cancelled(FitserveError):
    """Somebody asked for the end of this job."""


class Paused(FitserveError):
    """Somebody asked this job to wait."""


class StoppedEarly(FitserveError):
    """Somebody asked for the best version so far; raised once."""
