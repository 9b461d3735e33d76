"""Give money back: record the wish, have the provider do it once, record its answer, look how the payment stands."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from msgspec import Struct

from contracts.events import ChargeCreated, RefundMade, RefundRefused
from extrato.domain.payment.commands import RecordRefund, RequestRefund
from extrato.domain.payment.state import Refund
from extrato.errors import ExtratoError, NotFound, ProviderNotConnected, ProviderRefused
from extrato.providers.port import RefundRequest
from extrato.use_cases.hub import Hub, LoadedPayment, change_payment, load_payment
from extrato.use_cases.refresh_payment import credential_of, refresh_payment

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
            answer = RefundRefused(refund_id=refund_id, code=error.code, reason=error.message)
        command = RecordRefund(answer=answer)
        loaded = (await change_payment(hub, payment_id, [command], cause=cause)).after
        refund = loaded.payment.refunds[refund_id]
        # The refund is recorded; how the payment stands now is told by whoever looks next, if not here.
        with contextlib.suppress(ExtratoError):
            loaded = (await refresh_payment(hub, payment_id, cause=cause)).after
        if isinstance(answer, RefundRefused):
            raise ProviderRefused(answer.reason, refund_id)
    if refund.state == "refused":
        raise ProviderRefused("The provider refused this refund before.", refund_id)
    return Refunded(refund_id=refund_id, refund=refund, loaded=loaded)


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
        is_all=refund.amount_centavos == payment.attempts[refund.attempt_id].amount_centavos,
    )
    credential = await credential_of(hub, loaded.merchant, provider.name)
    return RefundMade(refund_id=refund_id, provider_refund_id=await provider.refund_attempt(request, credential))
