"""Requests the charge of a payment: at its creation, when a creation is repeated, and in the monitor."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from contracts.events import ChargeCreated, ChargeRefused
from extrato.domain.errors import Refused
from extrato.domain.payment import state
from extrato.domain.payment.commands import RecordCharge
from extrato.errors import ProviderRefused
from extrato.providers.port import ChargeRequest, Receiver
from extrato.store.personal_data import UNREADABLE
from extrato.use_cases.cancel_payment import complete_cancellation
from extrato.use_cases.payments import ChargedPayment, change_payment, charged, load_payment
from extrato.use_cases.provider_accounts import notification_url
from extrato.values import Payer

if TYPE_CHECKING:
    from datetime import datetime

    from contracts.envelope import Cause
    from contracts.events import PaymentOpened
    from extrato.domain.merchant import Registered
    from extrato.use_cases.hub import Hub

WATCH: Final = timedelta(minutes=10)


async def complete_charge(hub: Hub, merchant: Registered, payment_id: int, *, cause: Cause) -> ChargedPayment:
    """Request the charge of a payment, unless there is one; raises `Refused` and the provider's errors.

    Two callers at once both ask the provider; the first answer is recorded, the other is dropped.
    """
    loaded = await load_payment(hub, payment_id)
    if isinstance(loaded.payment, state.Requested):
        expires_at = loaded.payment.intent.expires_at
        if loaded.payment.cancellation == "completed":
            raise Refused("payment_cancelled", str(payment_id))
        if loaded.payment.expired or (expires_at is not None and expires_at <= hub.now()):
            raise Refused("payment_expired", str(payment_id))
        try:
            intent, opened_at = loaded.payment.intent, loaded.opened_at
            payer = await _payer_of(hub, payment_id, intent)
            answer: ChargeCreated | ChargeRefused = await request_charge(
                hub, merchant, payment_id, intent, payer, opened_at=opened_at
            )
        except ProviderRefused as error:
            answer = ChargeRefused(code=error.code, reason=error.message)
        watch_until = hub.now() + WATCH
        command = RecordCharge(charge=answer, watch_until=watch_until)
        loaded = (await change_payment(hub, payment_id, [command], cause=cause)).after
        await hub.payers.forget(payment_id)
        if loaded.payment.cancellation == "requested":
            # The merchant cancelled the payment during the request to the provider.
            loaded = await complete_cancellation(hub, payment_id, cause=cause)
    return charged(loaded)


async def _payer_of(hub: Hub, payment_id: int, intent: PaymentOpened) -> Payer:
    """Return what is stored of the payer of a payment without a charge."""
    is_remote = intent.provider in hub.providers.remote
    payer = await hub.payers.recall(payment_id) if intent.method == "pix" and is_remote else None
    if payer is not None:
        return payer
    email = await hub.personal_data.open(payment_id, intent.payer_email)
    return Payer(email=None if email == UNREADABLE else email)


async def request_charge(
    hub: Hub, merchant: Registered, payment_id: int, intent: PaymentOpened, payer: Payer, *, opened_at: datetime
) -> ChargeCreated:
    """Ask the provider for a charge, or compute that of a direct Pix; raises the provider's errors."""
    is_remote = intent.provider in hub.providers.remote
    credential = await hub.vault.get(merchant.slug, intent.provider) if is_remote else None
    request = ChargeRequest(
        method=intent.method,
        payment_id=payment_id,
        bank_payment_id=intent.bank_payment_id,
        external_reference=intent.external_reference,
        amount_centavos=intent.amount_centavos,
        title=intent.title,
        description=intent.description,
        items=intent.items,
        payer=payer,
        expires_at=intent.expires_at,
        notification_url=notification_url(hub.public_url, merchant.slug),
        return_url=f"{hub.public_url}/payments/mp/return/",
        receiver=Receiver(
            name=merchant.name,
            city=merchant.city,
            pix_key=merchant.pix_key.key if merchant.pix_key else None,
        ),
        credential=credential,
        opened_at=opened_at,
        asked_at=hub.now(),
    )
    return await hub.providers.creators[intent.provider].create_charge(request)
