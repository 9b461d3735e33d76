"""Resolves an alert once for each request, so that a late repetition does not resolve a later occurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.errors import Conflict
from extrato.use_cases.idempotency import payment_of_key, use_key, use_of_key
from extrato.use_cases.payments import Outcome, change_payment, load_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.domain.payment.commands import ResolveAlert
    from extrato.domain.payment.state import Opened
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.idempotency import IdempotencyKey
    from extrato.use_cases.payments import LoadedPayment


async def resolve_alert(
    hub: Hub, loaded: LoadedPayment, command: ResolveAlert, *, idempotency_key: IdempotencyKey | None, cause: Cause
) -> Outcome[Opened]:
    """Resolve an alert, and record the use of the key in the same step.

    Raises `Refused("idempotency_key_reused")` for a key of another request, and the errors of `change_payment`.
    """
    payment_id, merchant = loaded.payment_id, loaded.merchant
    if idempotency_key is None:
        decided = await change_payment(hub, payment_id, [command], cause=cause)
        return Outcome(loaded=decided.after)
    if await payment_of_key(hub, merchant, idempotency_key) is not None:
        return Outcome(loaded=loaded, is_repeated=True)
    used = await use_of_key(hub, merchant, idempotency_key, payment_id=payment_id, cause=cause)
    try:
        decided = await change_payment(hub, payment_id, [command], cause=cause, beside=[used])
    except Conflict:
        if await payment_of_key(hub, merchant, idempotency_key) is None:
            raise
        return Outcome(loaded=await load_payment(hub, payment_id), is_repeated=True)
    if decided.events:
        return Outcome(loaded=decided.after)
    # The alert was closed already.
    is_repeated = await use_key(hub, merchant, idempotency_key, payment_id=payment_id, cause=cause)
    return Outcome(loaded=decided.after, is_repeated=is_repeated)
