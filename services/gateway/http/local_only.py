"""Without keys: whether a request comes from this machine, from a page or a program that runs here.

Three kinds do not. The page of a stranger that a developer's browser happens to visit carries a foreign `Origin`. By a
name that its owner made point here it carries a foreign `Host`. What a tunnel or a proxy let in is told by the headers
that those add; the proxy of a local development server adds them too, with this machine's own addresses.
Source of `Forwarded`: RFC 7239, section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aiohttp import hdrs

from extrato.domain.errors import Refused
from extrato.settings import is_loopback
from services.gateway.http.limits import read_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiohttp import web

NAMES_ADDRESSES: Final = ("X-Forwarded-For", "X-Real-IP")
NAMES_HOSTS: Final = ("X-Forwarded-Host",)
# What of the standard header names a machine; the others say how and under which scheme.
FORWARDED_NAMES: Final = frozenset({"for", "by", "host"})


def refuse_unless_local(request: web.Request) -> None:
    """Raise `Refused` for what does not come from this machine."""
    if not (_is_here(request) and _came_straight(request)):
        raise Refused("foreign_page", "Without API keys, only pages and programs of this machine are answered.")


def _is_here(request: web.Request) -> bool:
    """Say whether the request was meant for this machine, and the page that sent it, if it was one, is of here."""
    origins = request.headers.getall(hdrs.ORIGIN, ())
    return _is_local_host(request.host) and all(_is_local_origin(origin) for origin in origins)


def _came_straight(request: web.Request) -> bool:
    """Say whether every machine that the request passed is this one."""
    headers = request.headers
    addresses = (name for header in NAMES_ADDRESSES for name in _listed(headers.getall(header, ())))
    hosts = (name for header in NAMES_HOSTS for name in _listed(headers.getall(header, ())))
    return (
        all(_is_local_address(name) for name in addresses)
        and all(_is_local_host(name) for name in hosts)
        and all(_is_local_node(node) for node in _listed(headers.getall(hdrs.FORWARDED, ())))
    )


def _listed(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from filter(None, (part.strip() for part in line.split(",")))


def _is_local_host(authority: str) -> bool:
    """Read `host[:port]`; with anything else in it, such as a user's name, it is nobody's."""
    try:
        parts = urlsplit(f"//{authority}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.netloc == authority and "@" not in authority and name is not None and is_loopback(name)


def _is_local_origin(origin: str) -> bool:
    return _is_local_host(origin.partition("://")[2])


def _is_local_address(text: str) -> bool:
    address = read_address(text)
    return address is not None and address.is_loopback


def _is_local_node(element: str) -> bool:
    """Read one machine's part of `Forwarded`, such as `for="[::1]:4711";host=localhost`."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        value = value.strip('"')
        if name.lower() in FORWARDED_NAMES and not (_is_local_host(value) or _is_local_address(value)):
            return False
    return True
