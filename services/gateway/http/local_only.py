"""Without keys: whether a request comes from this machine, from a page or a program that runs here.

Three kinds do not. The page of a stranger that a developer's browser happens to visit carries a foreign `Origin`, or
the browser says of it that it is of another site. By a name that its owner made point here it carries a foreign
`Host`. What a tunnel or a proxy let in is told by the headers that those add; the proxy of a local development server
adds some of them too, with this machine's own addresses.
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
FORWARDED_KIND: Final = "x-forwarded-"
# Those of that kind that say how a request came and name no machine.
SAYS_HOW: Final = frozenset(
    FORWARDED_KIND + name for name in ("method", "path", "port", "prefix", "proto", "protocol", "scheme", "ssl", "uri")
)
# What only networks and tunnels add, whatever it says.
ADDED_ELSEWHERE: Final = frozenset(
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
ADDED_ELSEWHERE_KINDS: Final = (
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
# How networks call the address or the host that a client had, whatever they write before it.
ADDED_ELSEWHERE_ENDS: Final = (
    "client-connection-ip",
    "client-ip",
    "clientip",
    "connecting-ip",
    "forwarded-host",
    "original-host",
)
# What of the standard header names a machine; the others say how and under which scheme.
FORWARDED_NAMES: Final = frozenset({"for", "by", "host"})


def refuse_unless_local(request: web.Request) -> None:
    """Raise `Refused` for what does not come from this machine."""
    if not (_is_here(request) and _came_straight(request)):
        raise Refused("foreign_page")


def _is_here(request: web.Request) -> bool:
    """Say whether the request was meant for this machine, and the page that sent it, if it was one, is of here.

    `localhost` and `127.0.0.1` are two sites to a browser, so that a page of here may be of another site; then it has
    an origin. Without one it is a picture, a script or a link on the page of a stranger.
    """
    origins = request.headers.getall(hdrs.ORIGIN, ())
    is_of_another_site = "cross-site" in request.headers.getall("Sec-Fetch-Site", ())
    if is_of_another_site and not origins:
        return False
    return _is_local_host(request.host) and all(_is_local_origin(origin) for origin in origins)


def _came_straight(request: web.Request) -> bool:
    """Say whether every machine that the request passed is this one, and says so."""
    return all(_is_of_here(name.lower().replace("_", "-"), value) for name, value in request.headers.items())


def _is_of_here(name: str, value: str) -> bool:
    if name.startswith(FORWARDED_KIND):
        return name in SAYS_HOW or all(_is_local_machine(machine) for machine in _listed(value))
    if name in ADDED_ELSEWHERE or name.startswith(ADDED_ELSEWHERE_KINDS) or name.endswith(ADDED_ELSEWHERE_ENDS):
        return False
    if name == FORWARDED:
        return all(_is_local_node(node) for node in _listed(value))
    if name == REAL_ADDRESS:
        return all(_is_local_machine(machine) for machine in _listed(value))
    return True


def _listed(value: str) -> Iterator[str]:
    """Give what stands between commas; a place that is empty names no machine."""
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
    """Read one machine's part of `Forwarded`, such as `for="[::1]:4711";host=localhost`; it must name one."""
    is_named = False
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() in FORWARDED_NAMES:
            is_named = True
            if not _is_local_machine(value.strip('"')):
                return False
    return is_named
