"""Open mode: admits only requests of programs and pages on this machine.

It rejects three kinds. A foreign page in a developer's browser sends a foreign `Origin`, or the browser marks it as
cross-site. A foreign name that resolves to this machine arrives as a foreign `Host`. A request through a tunnel or a
proxy has the headers that these add; the proxy of a local development server adds some of them too, with addresses of
this machine.
Sources: RFC 7239, section 4 (`Forwarded`); RFC 9110, 7.6.3 (`Via`); W3C Fetch Metadata (`Sec-Fetch-Site`); the manuals
of the proxies and networks that add the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import hdrs

from extrato.domain.errors import Refused
from extrato.loopback import host_named_by, host_of_origin, is_loopback
from services.gateway.http.client_address import read_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

REAL_ADDRESS: Final = "x-real-ip"
FORWARDED: Final = "forwarded"
FORWARDED_PREFIX: Final = "x-forwarded-"
# Headers with that prefix that name no machine.
NAMES_NO_MACHINE: Final = frozenset(
    FORWARDED_PREFIX + name
    for name in ("method", "path", "port", "prefix", "proto", "protocol", "scheme", "ssl", "uri")
)
# Only networks and tunnels add these headers, so that any value is rejected.
FOREIGN_HEADERS: Final = frozenset(
    {
        "cdn-loop",
        "client-ip",
        "fastly-client-ip",
        "forwarded-for",
        "forwarded-for-ip",
        "true-client-ip",
        "via",
        "x-client",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-coming-from",
        "x-envoy-external-address",
        "x-forwarded",
        "x-original-forwarded-for",
        "x-originating-ip",
        "x-proxyuser-ip",
        "x-remote-addr",
        "x-remote-ip",
        "x-true-client-ip",
    }
)
FOREIGN_PREFIXES: Final = (
    "akamai-",
    "cf-",
    "do-connecting-",
    "fastly-",
    "fly-",
    "tailscale-",
    "x-amz-cf-",
    "x-amzn-",
    "x-appengine-",
    "x-azure-",
    "x-nf-",
    "x-sucuri-",
    "x-vercel-",
)
# The ends of networks' names for a client's address or host; each network has its own prefix.
FOREIGN_SUFFIXES: Final = (
    "client-connection-ip",
    "client-ip",
    "clientip",
    "connecting-ip",
    "forwarded-host",
    "original-host",
)
# The parameters of `Forwarded` that name a machine.
FORWARDED_NAMES: Final = frozenset({"for", "by", "host"})


def refuse_unless_local(request: web.Request) -> None:
    """Raise `Refused` for a request that does not come from this machine."""
    if not (_is_for_this_machine(request) and _passed_only_this_machine(request)):
        raise Refused("foreign_page")


def _is_for_this_machine(request: web.Request) -> bool:
    """Return whether `Host` and, for a page, `Origin` name this machine.

    Browsers treat `localhost` and `127.0.0.1` as two sites, so that a local page may be cross-site; it then sends an
    origin. A cross-site request without an origin is a picture, a script or a link on a foreign page.
    """
    origins = request.headers.getall(hdrs.ORIGIN, ())
    is_of_another_site = "cross-site" in request.headers.getall("Sec-Fetch-Site", ())
    if is_of_another_site and not origins:
        return False
    return _is_local_host(request.host) and all(_is_local_origin(origin) for origin in origins)


def _passed_only_this_machine(request: web.Request) -> bool:
    """Return whether no header names another machine on the request's way."""
    return all(_allows_header(name.lower().replace("_", "-"), value) for name, value in request.headers.items())


def _allows_header(name: str, value: str) -> bool:
    if name.startswith(FORWARDED_PREFIX):
        return name in NAMES_NO_MACHINE or all(_is_local_machine(machine) for machine in _listed(value))
    if name in FOREIGN_HEADERS or name.startswith(FOREIGN_PREFIXES) or name.endswith(FOREIGN_SUFFIXES):
        return False
    if name == FORWARDED:
        return all(_is_local_node(node) for node in _listed(value))
    if name == REAL_ADDRESS:
        return all(_is_local_machine(machine) for machine in _listed(value))
    return True


def _listed(value: str) -> Iterator[str]:
    """Split a list at its commas; an empty entry names no machine."""
    return (part.strip() for part in value.split(","))


def _is_local_machine(text: str) -> bool:
    return _is_local_host(text) or _is_local_address(text)


def _is_local_host(authority: str) -> bool:
    name = host_named_by(authority)
    return name is not None and is_loopback(name)


def _is_local_origin(origin: str) -> bool:
    name = host_of_origin(origin)
    return name is not None and is_loopback(name)


def _is_local_address(text: str) -> bool:
    address = read_address(text)
    return address is not None and address.is_loopback


def _is_local_node(element: str) -> bool:
    """Read one element of `Forwarded`, such as `for="[::1]:4711";host=localhost`; it must name a machine."""
    is_named = False
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() in FORWARDED_NAMES:
            is_named = True
            if not _is_local_machine(value.strip('"')):
                return False
    return is_named
