"""Records that the merchant's bank returned a Pix to the payer; the caller is authorised to report it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.providers import DIRECT_PIX
from extrato.domain.errors import Refused
from extrato.domain.payment.decisions import is_possible_time
from extrato.use_cases.payments import LoadedPayment, change_payment, load_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.domain.payment.commands import RecordReturn
    from extrato.use_cases.hub import Hub


async def record_return(hub: Hub, payment_id: int, command: RecordReturn, *, cause: Cause) -> LoadedPayment:
    """Record a return once, by the bank's id of it.

    Raises `NotFound`. Raises `Refused` for a payment that is no direct Pix, an impossible time, an unknown or unnamed
    transfer, and more than the held money.
    """
    loaded = await load_payment(hub, payment_id)
    if loaded.payment.intent.provider != DIRECT_PIX:
        raise Refused("not_a_pix", "payment_id")
    if not is_possible_time(command.returned_at, opened_at=loaded.opened_at, now=hub.now()):
        raise Refused("invalid_returned_at", "returned_at")
    return (await change_payment(hub, payment_id, [command], cause=cause)).after
