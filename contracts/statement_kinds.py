"""The kinds of lines of a statement; docs/guides/accounting.md explains them."""

from __future__ import annotations

from typing import Final, Literal, get_args

Kind = Literal[
    "received",
    "received_late",
    "received_twice",
    "part_received",
    "refunded",
    "returned",
    "disputed",
    "dispute_won",
    "dispute_lost",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

RECEIPTS: Final[tuple[Kind, ...]] = ("received", "received_late", "received_twice", "part_received")
"""Money came: in time, after the end, although the charge was paid, or less than the charge."""

GIVEN_BACK: Final[tuple[Kind, ...]] = ("refunded", "returned")
"""Money went back to the payer: by the provider, or by the merchant's bank."""
