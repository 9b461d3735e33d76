"""The event about a merchant's own number of an order."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class ReferenceTaken(Struct, frozen=True, kw_only=True):
    """A payment has a reference of its merchant for itself. Each reference of a merchant has its own stream.

    `previous_payment_id` had the reference before, and was closed unpaid; None for the first payment.
    """

    schema_version: ClassVar[int] = 1

    reference: str
    payment_id: int
    previous_payment_id: int | None
