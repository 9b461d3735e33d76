"""Asks the monitor to check a payment often for the next minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.payment.commands import StartWatch
from extrato.use_cases.complete_charge import WATCH
from extrato.use_cases.payments import Decided, change_payment, load_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub


async def start_watch(hub: Hub, payment_id: int, *, cause: Cause) -> Decided:
    """Start a watch, unless one is running, the payment cannot be paid, or it has no remote provider.

    Raises `NotFound`.
    """
    loaded = await load_payment(hub, payment_id)
    if loaded.payment.intent.provider not in hub.providers.remote:
        return Decided(before=loaded, after=loaded, events=())
    command = StartWatch(now=hub.now(), duration=WATCH)
    return await change_payment(hub, payment_id, [command], cause=cause)
