"""Names and addresses of machines and pages: which mean this machine, and the lists of them that settings hold."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network

REMEMBERED = 1000  # hosts and origins whose kind is known without looking again
ANY = "*"
AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?P<port>:\d{0,5})?", re.ASCII)
ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>.*)")
HOST_NAME = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)*", re.ASCII)
USUAL_PORTS = {"http": ":80", "https": ":443"}


@lru_cache(REMEMBERED)
def host_of(authority: str) -> str:
    """The host of `HOST` or `HOST:PORT` in its usual form, as `Host` headers have it; empty where it is none."""
    found = AUTHORITY.fullmatch(authority)
    return _canonical(found["host"]) if found else ""


@lru_cache(REMEMBERED)
def is_local(host: str) -> bool:
    """Whether a name or an address means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_named(host: str, names: Iterable[str]) -> bool:
    """Whether a host is one of these: `NAME`, `*.NAME` for the names below it, `*` for any."""
    return any(name in (host, ANY) or (name.startswith("*.") and host.endswith(name[1:])) for name in names)


def parse_hosts(text: str | None) -> tuple[str, ...]:
    """Names of hosts with commas between, in their usual form; raises ValueError for what is none."""
    return _parsed(text, _host)


def parse_origins(text: str | None) -> tuple[str, ...]:
    """Origins of pages with commas between, as browsers write them; raises ValueError for what is none."""
    return _parsed(text, _origin)


def parse_networks(text: str | None) -> tuple[str, ...]:
    """Addresses and networks with commas between; raises ValueError for what is none."""
    return _parsed(text, lambda part: str(ip_network(part)))


def _parsed(text: str | None, parse: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(parse(part.strip()) for part in (text or "").split(",") if part.strip())


def _canonical(host: str) -> str:
    host = host.lower().removesuffix(".").removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(host))
    except ValueError:
        return host


def _host(text: str) -> str:
    host = _canonical(text)
    if host == ANY or HOST_NAME.fullmatch(host) or _is_address(host):
        return host
    raise ValueError(f"{text!r} is no host: expected a name or an address without a port, as fitserve.example")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _origin(text: str) -> str:
    if text == ANY:
        return text
    found = ORIGIN.fullmatch(text.lower().removesuffix("/"))
    if not found or not host_of(found["authority"]):
        raise ValueError(
            f"{text!r} is no origin of a page: expected one as https://app.example or http://app.example:3000"
        )
    return f"{found['scheme']}://{found['authority'].removesuffix(USUAL_PORTS.get(found['scheme'], ' '))}"
