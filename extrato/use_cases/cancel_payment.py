"""Cancels an unpaid payment: records the request, closes the charge at the provider, checks it, records the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.errors import Refused
from extrato.domain.payment.commands import CompleteCancellation, RefuseCancellation, RequestCancellation
from extrato.domain.payment.state import Charged
from extrato.errors import (
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
    Transient,
)
from extrato.store.vault_keys import InvalidVaultKey
from extrato.use_cases.payments import ChargedPayment, LoadedPayment, change_payment, is_charged, load_payment
from extrato.use_cases.refresh_payment import credential_for, refresh_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub


async def cancel_payment(hub: Hub, payment_id: int, *, cause: Cause) -> LoadedPayment:
    """Cancel a payment; an ended one stays unchanged.

    Raises `Refused` with `payment_already_paid` or `payment_holds_money`. Raises `ProviderUnavailable` when the request
    is recorded and the monitor completes it later.
    """
    loaded = await load_payment(hub, payment_id)
    payment = loaded.payment
    is_askable = isinstance(payment, Charged) and _has_provider(hub, loaded)
    if is_askable and payment.cancellation == "none" and not payment.is_settled:
        # Without a credential the request cannot be fulfilled, so it is not recorded.
        await credential_for(hub, loaded)
    loaded = (await change_payment(hub, payment_id, [RequestCancellation()], cause=cause)).after
    if loaded.payment.cancellation != "requested":
        return loaded
    loaded = await complete_cancellation(hub, payment_id, cause=cause)
    if loaded.payment.is_settled:
        raise Refused("payment_already_paid", why="meanwhile")
    return loaded


async def request_cancellation(hub: Hub, payment_id: int, *, cause: Cause) -> LoadedPayment:
    """Cancel as `cancel_payment` does; a transient error is raised only if the request is not recorded.

    While the provider has not answered, the payment's `cancellation` is `requested`, and the monitor completes it.
    """
    try:
        return await cancel_payment(hub, payment_id, cause=cause)
    except Transient:
        loaded = await load_payment(hub, payment_id)
        if loaded.payment.cancellation == "none":
            raise
        return loaded


async def complete_cancellation(hub: Hub, payment_id: int, *, cause: Cause) -> LoadedPayment:
    """Complete a recorded cancellation; repeating this is harmless.

    A 2xx of the provider is no proof, because Mercado Pago ignores some changes silently. So the hub asks for the
    payment's status again. Raises the provider's errors; a refusal is recorded first.
    """
    loaded = await load_payment(hub, payment_id)
    if loaded.payment.cancellation != "requested":
        return loaded
    charge_id = None
    if is_charged(loaded):
        charge_id = loaded.payment.charge.charge_id
        if _has_provider(hub, loaded):
            await _close_at_provider(hub, loaded, cause=cause)
    command = CompleteCancellation(charge_id=charge_id)
    loaded = (await change_payment(hub, payment_id, [command], cause=cause)).after
    if loaded.payment.cancellation == "requested":
        raise ProviderUnavailable(str(payment_id), why="not_closed")
    await hub.payers.forget(payment_id)
    return loaded


async def _close_at_provider(hub: Hub, loaded: ChargedPayment, *, cause: Cause) -> None:
    """Close the charge at the provider, and check the payment's status.

    Only a refusal of the closing itself is recorded and raised. While the provider does not answer, the request stays.
    """
    payment = loaded.payment
    unsettled = [name for name, each in payment.attempts.items() if not each.has_ended]
    try:
        credential = await credential_for(hub, loaded)
        await hub.providers.remote[payment.intent.provider].cancel_charge(
            payment.charge, unsettled, at=hub.now(), credential=credential
        )
    except ProviderRefused as error:
        refusal = RefuseCancellation(code=error.code, reason=error.message)
        await change_payment(hub, loaded.payment_id, [refusal], cause=cause)
        raise
    except (ProviderNotConnected, ProviderMisunderstood, InvalidVaultKey) as error:
        raise ProviderUnavailable(str(loaded.payment_id), why="closing_unknown") from error
    try:
        await refresh_payment(hub, loaded.payment_id, cause=cause)
    except (ProviderRefused, ProviderNotConnected, ProviderMisunderstood) as error:
        raise ProviderUnavailable(str(loaded.payment_id), why="standing_unknown") from error


def _has_provider(hub: Hub, loaded: LoadedPayment) -> bool:
    return loaded.payment.intent.provider in hub.providers.remote
