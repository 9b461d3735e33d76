"""Holds a payment, so that its payer is not forgotten and its evidence stays, and releases it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.events.payment_privacy import HOLD_REASONS
from extrato.domain.errors import Refused
from extrato.domain.payment.commands import HoldPayment, ReleasePayment
from extrato.store.forgettings import Hold
from extrato.use_cases.payments import change_payment, load_payment

if TYPE_CHECKING:
    from datetime import datetime

    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub


async def hold_payment(hub: Hub, payment_id: int, *, reason: str, until: datetime | None, cause: Cause) -> Hold:
    """Hold a payment until a time, or without an end; another hold replaces the first.

    Raises `Refused` for an unknown reason, a past time, and after the payer was forgotten; also `NotFound`.
    """
    if reason not in HOLD_REASONS:
        raise Refused("invalid_reason", "reason", choices=", ".join(HOLD_REASONS))
    if until is not None and until <= hub.now():
        raise Refused("until_passed", "until")
    await load_payment(hub, payment_id)
    hold = Hold(payment_id=payment_id, reason=reason, until=until, held_by=_name_of(cause), held_at=hub.now())
    # Before the event: if the process ends here, the data stays.
    await hub.forgettings.hold(hold)
    await change_payment(hub, payment_id, [HoldPayment(reason=reason, until=until)], cause=cause)
    return hold


async def release_payment(hub: Hub, payment_id: int, *, cause: Cause) -> None:
    """End the hold of a payment; raises `NotFound`."""
    await change_payment(hub, payment_id, [ReleasePayment()], cause=cause)
    await hub.forgettings.release(payment_id)


def _name_of(cause: Cause) -> str:
    return "/".join(filter(None, (cause.actor, cause.actor_id)))
