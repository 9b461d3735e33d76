"""Numbers that other programs send as text: their longest forms, and how they are read."""

from __future__ import annotations

from typing import Final

PAYMENT_DIGITS: Final = 15
"""The digits of the largest payment number: a bank payment id has 48 bits for it."""

POSITION_DIGITS: Final = 18
"""The digits of the largest position and epoch that a program reads: any such number is a `bigint` of PostgreSQL."""


def number_in(text: str | bytes, *, digits: int) -> int | None:
    """Return a number of at most `digits` ASCII digits; None for any other text."""
    # `isdigit` is true of the digits of other scripts too.
    return int(text) if len(text) <= digits and text.isascii() and text.isdigit() else None
