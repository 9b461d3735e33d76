"""Give money back: record the wish, have the provider do it once, record its answer, look how the payment stands."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from msgspec import Struct

from contracts.events import ChargeCreated, RefundMade, RefundRefused
from extrato.domain.payment.commands import RecordRefund, RequestRefund
from extrato.domain.payment.state import Refund
from extrato.errors import (
    ExtratoError,
    NotFound,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
)
from extrato.providers.port import RefundRequest
from extrato.use_cases.hub import Hub, LoadedPayment, change_payment, load_payment
from extrato.use_cases.refresh_payment import credential_for, refresh_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause


class Refunded(Struct, frozen=True, kw_only=True):
    """A refund, and the payment as it stands after it."""

    refund_id: str
    refund: Refund
    loaded: LoadedPayment


async def refund_payment(
    hub: Hub, payment_id: int, *, refund_id: str, amount_centavos: int | None, cause: Cause
) -> Refunded:
    """Give back an amount, or all that is left when it is None; asking again with one `refund_id` gives it once.

    Raises `Refused` when the rules do not allow it, `ProviderRefused` and `ProviderNotConnected` when no money
    moves, and `ProviderUnavailable` when the wish is recorded and the monitor will see to the rest.
    """
    loaded = await load_payment(hub, payment_id)
    if refund_id not in loaded.payment.refunds and hub.providers[loaded.payment.intent.provider].needs_credential:
        # A wish that nobody can be asked to fulfil is not taken.
        await credential_for(hub, loaded)
    command = RequestRefund(refund_id=refund_id, amount_centavos=amount_centavos)
    await change_payment(hub, payment_id, [command], cause=cause)
    return await complete_refund(hub, payment_id, refund_id, cause=cause)


async def complete_refund(hub: Hub, payment_id: int, refund_id: str, *, cause: Cause) -> Refunded:
    """Do what a recorded refund still needs; the provider is given `refund_id` as its idempotency key."""
    loaded = await load_payment(hub, payment_id)
    refund = loaded.payment.refunds.get(refund_id)
    if refund is None:
        raise NotFound("There is no such refund.", refund_id)
    if refund.state == "requested":
        try:
            answer: RefundMade | RefundRefused = await _ask(hub, loaded, refund_id, refund)
        except (ProviderRefused, ProviderNotConnected) as error:
            answer = await _judge_refusal(hub, loaded, refund_id, error, cause=cause)
        command = RecordRefund(answer=answer)
        loaded = (await change_payment(hub, payment_id, [command], cause=cause)).after
        refund = loaded.payment.refunds[refund_id]
        # The refund is recorded; how the payment stands now is told by whoever looks next, if not here.
        with contextlib.suppress(ExtratoError):
            loaded = (await refresh_payment(hub, payment_id, cause=cause)).after
    if refund.state == "refused":
        raise ProviderRefused("The provider refused this refund.", refund_id)
    return Refunded(refund_id=refund_id, refund=refund, loaded=loaded)


async def _judge_refusal(
    hub: Hub, loaded: LoadedPayment, refund_id: str, error: ProviderRefused | ProviderNotConnected, *, cause: Cause
) -> RefundMade | RefundRefused:
    """Believe a refusal only when the provider shows that no money moved.

    An earlier try may have gone through without an answer, and the next one have been refused for another reason.
    While the provider does not tell, the refund stays requested; raises `ProviderUnavailable`.
    """
    refund = loaded.payment.refunds[refund_id]
    try:
        payment = (await refresh_payment(hub, loaded.payment_id, cause=cause)).after.payment
    except (ProviderRefused, ProviderNotConnected, ProviderMisunderstood) as unknown:
        raise ProviderUnavailable("Whether the refund was made is not known yet.", refund_id) from unknown
    others = [
        other for name, other in payment.refunds.items() if name != refund_id and other.attempt_id == refund.attempt_id
    ]
    made = sum(other.amount_centavos for other in others if other.state == "made")
    asked = sum(other.amount_centavos for other in others if other.state == "requested")
    shown = payment.attempts[refund.attempt_id].refunded_centavos
    if shown < made + refund.amount_centavos:
        return RefundRefused(refund_id=refund_id, code=error.code, reason=error.message)
    if shown < made + asked + refund.amount_centavos:
        raise ProviderUnavailable("Which of two refunds was made is not known yet.", refund_id)
    return RefundMade(refund_id=refund_id, provider_refund_id=None)


async def _ask(hub: Hub, loaded: LoadedPayment, refund_id: str, refund: Refund) -> RefundMade:
    payment = loaded.payment
    if not isinstance(payment.charge, ChargeCreated):
        raise ProviderRefused("There is no charge to give money back for.", refund_id)
    provider = hub.providers[payment.intent.provider]
    request = RefundRequest(
        refund_id=refund_id,
        charge=payment.charge,
        attempt_id=refund.attempt_id,
        amount_centavos=refund.amount_centavos,
    )
    credential = await credential_for(hub, loaded)
    return RefundMade(refund_id=refund_id, provider_refund_id=await provider.refund_attempt(request, credential))
