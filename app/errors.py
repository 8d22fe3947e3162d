"""What can go wrong, in the words of the project; the web and the command line render these once, at the top.

FitserveError
├── InvalidRequest          the input itself cannot be used
│   ├── TooLarge            more bytes than a limit allows
│   └── UnsupportedMedia    a body of a kind that is not understood
│       └── UnsupportedEncoding    a body that is packed in a way that is not understood
├── Malformed               what came cannot be read as the protocol or the encoding that it claims
│   └── HeadTooLarge        a request's head is larger than a limit allows
├── Unsupported             a part of the protocol that this service does without
├── NotFound                a model, version, alias or job that does not exist
├── Conflict                the state of the service does not allow it now
│   └── MissingData         a data set or weights file that is needed and not to be had
├── Unauthorised            a key is missing or not known
├── Forbidden               the key, or the place that a request comes from, does not suffice
├── Busy                    a queue is full; try again later
│   └── Overloaded          the service as a whole has too much to do
├── Unavailable             what the service itself depends on does not work now
│   ├── Runaway             a network ran for too long, or took its process down
│   ├── RunFailed           a network failed on what it was given
│   └── SystemFault         the operating system refuses what is needed now: it may pass
├── SlowRequest             the request did not arrive in time
├── TimedOut                the answer was not there in time
├── Damaged                 a stored version that must not be loaded
└── Unusable                a loaded version whose network gives what is no answer
"""

import errno
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic_core import ValidationError

TRANSIENT_ERRORS = {  # what may be otherwise in a moment, or once somebody has looked after the machine
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ENOMEM: "out of memory",
    errno.EIO: "disk I/O error",
    errno.EAGAIN: "a system resource is used up",
    errno.ESTALE: "the network file system is not available",
}


class FitserveError(Exception):
    """Something a user can be told about in one sentence."""


class InvalidRequest(FitserveError):
    """The input cannot be used; the message says what was expected.

    `details` lists single faults as pydantic does: mappings with `loc`, `msg` and `type`.
    """

    def __init__(self, message: str, details: Sequence[Mapping[str, object]] = ()) -> None:
        super().__init__(message)
        self.details = details

    @classmethod
    def of(cls, message: str, fault: ValidationError) -> Self:
        """Of what pydantic has found; without the values, which may be long."""
        return cls(message, fault.errors(include_url=False, include_context=False, include_input=False))


def invalid_parameter(name: str, message: str) -> InvalidRequest:
    """The error of one parameter that only the model or the service can check."""
    return InvalidRequest(f"{name}: {message}", [{"loc": ("body", name), "msg": message, "type": "invalid_parameter"}])


class TooLarge(InvalidRequest):
    """The input is larger than a documented limit."""


class UnsupportedMedia(InvalidRequest):
    """The body is of a kind that this address does not understand."""


class UnsupportedEncoding(UnsupportedMedia):
    """The body has a content encoding that is not understood."""


class Malformed(FitserveError):
    """What came is not HTTP, or not in the encoding that it names; the message says what was expected."""


class HeadTooLarge(Malformed):
    """The head of a request has more bytes or fields than a documented limit."""


class Unsupported(FitserveError):
    """A part of HTTP that this service does not implement."""


class NotFound(FitserveError):
    """There is no such model, version, alias or job."""


class Conflict(FitserveError):
    """The present state does not allow what was asked."""


class MissingData(Conflict):
    """A data file is missing; the message says its name, where to put it and how to get it."""


class Unauthorised(FitserveError):
    """A key is missing or not known."""


class Forbidden(FitserveError):
    """What was asked is not for this key, or not for those who come from there."""


class Busy(FitserveError):
    """A bounded queue is full; `retry_after` is a number of seconds worth waiting."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Overloaded(Busy):
    """All requests together are more than the service takes, whoever they are from."""


class Unavailable(FitserveError):
    """What the service itself depends on does not work now."""


class Runaway(Unavailable):
    """A network ran for longer than it may, or took its process down; its version is taken out of service."""


class RunFailed(Unavailable):
    """A network from elsewhere failed on what it was given; its process goes on."""


class SystemFault(Unavailable):
    """The operating system refuses what is needed now: a full disk, too many open files, a lacking permission."""

    @classmethod
    def of(cls, fault: BaseException) -> "SystemFault | None":
        """What an error of the system means to users; None for one that is not among those that may pass."""
        if isinstance(fault, MemoryError):
            return cls("the service is out of memory; try again later")
        if not isinstance(fault, OSError) or fault.errno not in TRANSIENT_ERRORS:
            return None
        return cls(f"the service cannot read or write its files: {TRANSIENT_ERRORS[fault.errno]}; try again later")


class SlowRequest(FitserveError):
    """The request did not arrive in time."""


class TimedOut(FitserveError):
    """The answer was not there in time; what it would have cost is not spent."""


class Damaged(FitserveError):
    """A stored version does not agree with its card and is never loaded."""


class Unusable(FitserveError):
    """A loaded version gives what is no answer, as a network does whose weights are not finite."""
