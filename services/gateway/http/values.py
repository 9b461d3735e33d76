"""Reads headers and query parameters that have one value.

Where a name comes twice, each reader on the way may take another value than the next one: what one of them checks,
another one uses. Headers that are lists, such as `X-Forwarded-For`, are read whole where they are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multidict import MultiMapping


def single(values: MultiMapping[str], name: str) -> str | None:
    """Give the one value of `name`, None where it is absent; raises `Refused` where it comes more than once."""
    return only(values.getall(name, ()), name)


def only(found: Sequence[str], name: str) -> str | None:
    """Give the one value that was found under `name`, as `single` does."""
    if len(found) > 1:
        raise Refused("repeated_value", name)
    return found[0] if found else None
