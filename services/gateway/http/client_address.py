"""The client's address, and which addresses count as one."""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

MAX_FORWARDED: Final = 20
# One household or one machine usually gets a whole /64 network of IPv6.
V6_PREFIX: Final = 64
MAX_REMEMBERED: Final = 20_000


def address_of(request: web.Request, *, trusted: tuple[str, ...]) -> str:
    """Return the client's address: from the right, the first one in X-Forwarded-For outside the `trusted` networks.

    Any client can write the entries left of it.
    """
    address = request.remote or ""
    if not trusted:
        return network_of(address)
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")[-MAX_FORWARDED:]
    while forwarded and is_among(address, trusted):
        before = forwarded.pop().strip()
        if not before:
            break
        address = before
    return network_of(address)


def is_among(address: str, networks: tuple[str, ...]) -> bool:
    """Return whether an address is in one of the networks."""
    parsed = read_address(address)
    return parsed is not None and any(parsed in ipaddress.ip_network(network) for network in networks)


@functools.lru_cache(maxsize=MAX_REMEMBERED)
def network_of(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or an IPv6 network."""
    parsed = read_address(address)
    if parsed is None:
        return "unreadable" if address else ""
    return str(ipaddress.ip_network((parsed, V6_PREFIX), strict=False) if parsed.version == 6 else parsed)


def read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address as proxies write it: also with a port, or an IPv4 address mapped into IPv6."""
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
