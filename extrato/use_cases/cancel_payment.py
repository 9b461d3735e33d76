"""Close a payment that was not paid: record the wish, leave no way to pay at the provider, look, record the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.events import ChargeCreated
from extrato.domain.errors import Refused
from extrato.domain.payment.commands import CompleteCancellation, RefuseCancellation, RequestCancellation
from extrato.domain.payment.state import IN_FLIGHT
from extrato.errors import ProviderNotConnected, ProviderRefused, ProviderUnavailable
from extrato.use_cases.hub import Hub, LoadedPayment, change_payment, load_payment
from extrato.use_cases.refresh_payment import credential_for, refresh_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause


async def cancel_payment(hub: Hub, payment_id: int, *, cause: Cause) -> LoadedPayment:
    """Close a payment; one that is over already stays as it is.

    Raises `Refused("payment_already_paid")`, and `ProviderUnavailable` when the wish is recorded and the monitor
    will see to the rest.
    """
    loaded = (await change_payment(hub, payment_id, [RequestCancellation()], cause=cause)).after
    if loaded.payment.cancellation != "requested":
        return loaded
    loaded = await complete_cancellation(hub, payment_id, cause=cause)
    if loaded.payment.is_settled:
        raise Refused("payment_already_paid", "O pagamento foi concluído antes do cancelamento; use o estorno")
    return loaded


async def complete_cancellation(hub: Hub, payment_id: int, *, cause: Cause) -> LoadedPayment:
    """Do what a recorded wish to close a payment still needs; harmless when it is done twice.

    A 2xx of the provider proves nothing (Mercado Pago drops silently what it does not like), so it is asked again
    how the payment stands. Raises the provider's errors; a refusal is recorded first.
    """
    loaded = await load_payment(hub, payment_id)
    payment = loaded.payment
    provider = hub.providers[payment.intent.provider]
    if isinstance(payment.charge, ChargeCreated) and provider.needs_credential:
        unsettled = [name for name, attempt in payment.attempts.items() if attempt.status in IN_FLIGHT]
        try:
            credential = await credential_for(hub, loaded)
            await provider.cancel_charge(payment.charge, unsettled, at=hub.now(), credential=credential)
            await refresh_payment(hub, payment_id, cause=cause)
        except (ProviderRefused, ProviderNotConnected) as error:
            refusal = RefuseCancellation(code=error.code, reason=error.message)
            await change_payment(hub, payment_id, [refusal], cause=cause)
            raise
    loaded = (await change_payment(hub, payment_id, [CompleteCancellation()], cause=cause)).after
    if loaded.payment.cancellation == "requested":
        raise ProviderUnavailable("The provider has not closed the payment yet.", str(payment_id))
    return loaded
