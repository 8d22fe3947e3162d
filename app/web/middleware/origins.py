"""By which name a request asks, and from whose page a browser sent it: no page elsewhere reaches what is here.

A page cannot choose the headers that these rules go by: the browser writes them.
"""

from collections.abc import Sequence
from typing import TypeAlias

from starlette.types import Scope

from app.addresses import ANY, ORIGIN, host_of, is_local, is_named
from app.errors import Forbidden

READING = ("GET", "HEAD", "OPTIONS")
SHOWN = 100  # characters of a header in a message

BrowserHeaders: TypeAlias = dict[bytes, list[str]]  # the headers that the browser writes, each as often as it came
NAMES = (b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")


def browser_headers(scope: Scope) -> BrowserHeaders:
    """What the browser says of a request."""
    headers: BrowserHeaders = {name: [] for name in NAMES}
    for name, value in scope["headers"]:
        if name in headers:
            headers[name].append(value.decode("latin-1"))
    return headers


def check_host(headers: BrowserHeaders, allowed: Sequence[str]) -> None:
    """The name that is asked for must be this machine's or an allowed one: a page whose own name was made to lead here
    (DNS rebinding) asks by that. Raises Forbidden.
    """
    for authority in headers[b"host"]:
        host = host_of(authority)
        if not is_local(host) and not is_named(host, allowed):
            raise Forbidden(
                f"the host {authority[:SHOWN]!r} is not allowed: use localhost, or add it to FITSERVE_ALLOWED_HOSTS"
            )


def check_page(headers: BrowserHeaders, allowed: Sequence[str]) -> None:
    """The page that a request comes from must be the service's own, one of this machine, or of an allowed origin; what
    no browser sent passes. Raises Forbidden.
    """
    origins, sites = headers[b"origin"], headers[b"sec-fetch-site"]
    if origins and all(_is_allowed(origin, allowed) for origin in origins):
        return
    if sites:
        passes = all(_is_near(site, headers) for site in sites)
    else:  # an old browser, or an address that is neither this machine's nor behind TLS
        passes = all(_is_own(origin, headers) for origin in origins)
    if not passes:
        page = f"pages of {origins[0][:SHOWN]!r}" if origins else "pages of other origins"
        raise Forbidden(f"{page} may not call this service; add the origin to FITSERVE_CORS_ORIGINS")


def is_link(headers: BrowserHeaders) -> bool:
    """Whether the answer becomes a page of its own in the browser, which whoever linked to it cannot read."""
    return headers[b"sec-fetch-mode"] == ["navigate"] and headers[b"sec-fetch-dest"] == ["document"]


def _is_allowed(origin: str, allowed: Sequence[str]) -> bool:
    found = ORIGIN.fullmatch(origin)
    return ANY in allowed or origin in allowed or bool(found and is_local(host_of(found["authority"])))


def _is_near(site: str, headers: BrowserHeaders) -> bool:
    """Whether the browser says that the page is the service's own, or nobody's; or another one of this machine."""
    if site == "same-site":
        return not headers[b"origin"] and all(is_local(host_of(host)) for host in headers[b"host"])
    return site in ("same-origin", "none")


def _is_own(origin: str, headers: BrowserHeaders) -> bool:
    found = ORIGIN.fullmatch(origin)
    return found is not None and headers[b"host"] == [found["authority"]]
