"""The web origins of a merchant: where its pages may send a payer back to, and which pages may frame its own.

A part of the aggregate in `merchant.py`, divided like it: rules, commands, decisions. An *origin* is scheme, host and
port of an address (RFC 6454). The hub reads them by one expression, not by a parser of addresses, because parsers and
browsers disagree about user information, backslashes and blanks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from contracts.events import MerchantOriginsSet
from extrato.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

# --- rules --------------------------------------------------------------------------------------

MAX_ORIGINS: Final = 20
MAX_ORIGIN_LENGTH: Final = 300
MAX_ADDRESS_LENGTH: Final = 2_000

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN: Final = re.compile(rf"(https?)://((?:{_LABEL}\.)*{_LABEL})(?::([1-9][0-9]{{0,4}}))?", re.IGNORECASE)
# A shop's developer tries the hub on the own machine, where no other computer answers.
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})
_DEFAULT_PORT: Final = {"https": "443", "http": "80"}
_MAX_PORT: Final = 65_535


def origin_of(address: str) -> str | None:
    """Return the origin of an absolute address, in lower case and without the default port.

    None for an address that no merchant may use. It has another scheme than https (or http on the same machine), user
    information, a blank, a backslash, a character that is not ASCII, or more than `MAX_ADDRESS_LENGTH` characters.
    """
    if len(address) > MAX_ADDRESS_LENGTH or not all("!" <= each <= "~" for each in address) or "\\" in address:
        return None
    match = _ORIGIN.match(address)
    if match is None or address[match.end() :][:1] not in {"", "/", "?", "#"}:
        return None
    scheme, host, port = match[1].lower(), match[2].lower(), match[3] or ""
    if scheme != "https" and host not in _LOOPBACK:
        return None
    if port and int(port) > _MAX_PORT:
        return None
    return f"{scheme}://{host}" + (f":{port}" if port not in {"", _DEFAULT_PORT[scheme]} else "")


def checked_origin(field: str, text: str) -> str:
    """Return a text that is an origin, in its normal form; raises `Refused` for another one, also for an address."""
    origin = origin_of(text) if len(text) <= MAX_ORIGIN_LENGTH else None
    if origin is None or not _ORIGIN.fullmatch(text):
        raise Refused("invalid_origin", field)
    return origin


# --- commands -----------------------------------------------------------------------------------


class SetOrigins(Struct, frozen=True, kw_only=True):
    """Replace the allowed return or frame origins; None leaves them unchanged."""

    return_origins: tuple[str, ...] | None = None
    frame_origins: tuple[str, ...] | None = None


# --- decisions ----------------------------------------------------------------------------------


def decide(
    command: SetOrigins, *, return_origins: frozenset[str], frame_origins: frozenset[str]
) -> list[MerchantOriginsSet]:
    """Return the event of `command`; none when it does not change the origins. Raises `Refused`."""
    wanted_return = _origins("return_origins", command.return_origins, return_origins)
    wanted_frame = _origins("frame_origins", command.frame_origins, frame_origins)
    if (wanted_return, wanted_frame) == (return_origins, frame_origins):
        return []
    return [MerchantOriginsSet(return_origins=tuple(sorted(wanted_return)), frame_origins=tuple(sorted(wanted_frame)))]


def _origins(field: str, wanted: Iterable[str] | None, before: frozenset[str]) -> frozenset[str]:
    if wanted is None:
        return before
    origins = frozenset(checked_origin(field, text) for text in wanted)
    if len(origins) > MAX_ORIGINS:
        raise Refused("too_many_origins", field, maximum=MAX_ORIGINS)
    return origins
