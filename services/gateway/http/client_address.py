"""Where a request comes from, and what is counted together as one address."""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

MAX_FORWARDED: Final = 20
# What one household or one machine is given of the Internet's newer addresses.
V6_PREFIX: Final = 64
REMEMBERED: Final = 20_000


def address_of(request: web.Request, *, trusted: tuple[str, ...]) -> str:
    """Tell where a request comes from: the first address before the proxies of the `trusted` networks, from the right.

    What stands left of it in X-Forwarded-For anybody may have written.
    """
    address = request.remote or ""
    if not trusted:
        return network_of(address)
    told = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")[-MAX_FORWARDED:]
    while told and is_among(address, trusted):
        before = told.pop().strip()
        if not before:
            break
        address = before
    return network_of(address)


def is_among(address: str, networks: tuple[str, ...]) -> bool:
    """Say whether an address is of one of the networks."""
    parsed = read_address(address)
    return parsed is not None and any(parsed in ipaddress.ip_network(network) for network in networks)


@functools.lru_cache(maxsize=REMEMBERED)
def network_of(address: str) -> str:
    """Name what is counted together: one address of the older kind, one network of the newer."""
    parsed = read_address(address)
    if parsed is None:
        return "unreadable" if address else ""
    return str(ipaddress.ip_network((parsed, V6_PREFIX), strict=False) if parsed.version == 6 else parsed)


def read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address as proxies write it: also with a port, and the older kind inside the newer."""
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
