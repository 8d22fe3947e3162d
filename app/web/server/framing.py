"""A request's head beyond HTTP's grammar, which the parser checks: one host, and one way to say how long the body is.

Two servers that read the same bytes as different requests let somebody hide a request in another one's body. What could
be read in two ways is therefore refused (RFC 9110 and 9112).
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from app.errors import Malformed, Unsupported

VERSIONS = ("1.1", "1.0")
FRAME = 4  # bytes of a field beside its name and its value
REMEMBERED = 100  # hosts whose form is known without looking again
MAX_DIGITS = 19  # of a length: less than 2^64
HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(?::\d{0,5})?")


def check_head(method: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise Malformed, or Unsupported for what HTTP allows and nothing here needs. Names are in lower case."""
    if version not in VERSIONS:
        raise Malformed(f"HTTP/{version} is not spoken here; send HTTP/1.1")
    if method == b"CONNECT":
        raise Unsupported("CONNECT is for proxies, and this is none")
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
            if not _is_host(value):
                raise Malformed("Host must be a name or an address, with a port or without one")
        elif name == b"content-length":
            content_length(value)
        elif name == b"transfer-encoding":
            _check_coding(version, value)
    if hosts > 1 or (version == "1.1" and not hosts):
        raise Malformed(f"a request of HTTP/{version} needs one Host header; this one has {hosts}")


def head_size(target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """The bytes of a head, without the first line's beside the target."""
    return len(target) + sum([len(name) + len(value) + FRAME for name, value in headers])


def content_length(value: bytes) -> int:
    """The length that a Content-Length says; raises Malformed."""
    digits = value.strip(b" \t")
    if not digits.isdigit() or len(digits) > MAX_DIGITS:
        raise Malformed("Content-Length must be one number of bytes, in digits")
    return int(digits)


@lru_cache(REMEMBERED)
def _is_host(value: bytes) -> bool:
    return bool(HOST.fullmatch(value.strip(b" \t")))


def _check_coding(version: str, coding: bytes) -> None:
    if version == "1.0":
        raise Malformed("HTTP/1.0 has no Transfer-Encoding; send a Content-Length")
    *others, last = (name.strip(b" \t").lower() for name in coding.split(b","))
    if last != b"chunked":
        raise Malformed("Transfer-Encoding must end in chunked: otherwise nobody knows where the body ends")
    if others:
        raise Unsupported("Transfer-Encoding may only be chunked; to send a packed body, say so in Content-Encoding")
