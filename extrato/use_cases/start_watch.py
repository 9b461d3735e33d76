"""Have the monitor look at a payment often for the next minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain import payment as domain
from extrato.use_cases.hub import Decided, Hub, change_payment
from extrato.use_cases.open_payment import WATCH

if TYPE_CHECKING:
    from contracts.envelope import Cause


async def start_watch(hub: Hub, payment_id: int, *, cause: Cause) -> Decided:
    """Start a watch, unless one is on or the payment can no longer be paid. Raises `NotFound`."""
    command = domain.StartWatch(now=hub.now(), duration=WATCH)
    return await change_payment(hub, payment_id, [command], cause=cause)
