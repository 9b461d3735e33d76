"""Expires a payment by the hub's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.payment.commands import Expire
from extrato.use_cases.payments import Decided, change_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub


async def expire_payment(hub: Hub, payment_id: int, *, cause: Cause) -> Decided:
    """Expire the payment if its time is over and no attempt is in flight. Raises `NotFound`."""
    return await change_payment(hub, payment_id, [Expire(now=hub.now())], cause=cause)
