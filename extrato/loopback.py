"""Finds the hosts in a URL or a header that name this machine only."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """`host` names this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_named_by(authority: str) -> str | None:
    """Return the host of `host[:port]`, in lower case; None if the text has other parts, such as a user's name."""
    try:
        parts = urlsplit(f"//{authority}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return name if parts.netloc == authority and "@" not in authority else None


def host_of_origin(origin: str) -> str | None:
    """Return the host of an `Origin` header; None for `null` and for a malformed one."""
    scheme, _, authority = origin.partition("://")
    return host_named_by(authority) if scheme and authority else None
