"""Reads headers and query parameters that have one value.

A name that occurs twice is rejected: a proxy could check one value and the hub use the other. Headers that are lists,
such as `X-Forwarded-For`, are read elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multidict import MultiMapping


def single(values: MultiMapping[str], name: str) -> str | None:
    """Return the value of `name`, None where it is absent; raises `Refused` where it occurs more than once."""
    return only(values.getall(name, ()), name)


def only(found: Sequence[str], name: str) -> str | None:
    """Return the one value found under `name`; raises `Refused` for more than one."""
    if len(found) > 1:
        raise Refused("repeated_value", name)
    return found[0] if found else None
