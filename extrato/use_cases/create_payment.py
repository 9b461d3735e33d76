"""Creates a payment: records the intent, asks the provider for a charge, records the charge.

A charge that the hub computes itself is recorded with the intent, in one event.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from contracts.events import ChargeCreated, ChargeRefused, IdempotencyKeyUsed, Item, PaymentOpened
from extrato.domain.errors import Refused
from extrato.domain.payment import state
from extrato.domain.payment.commands import CreatePayment, RecordCharge
from extrato.domain.payment.decisions import ALREADY_OPENED
from extrato.domain.payment.identifiers import bank_payment_id, external_reference
from extrato.errors import Conflict, ProviderNotConnected, ProviderRefused
from extrato.providers.port import ChargeRequest, Receiver
from extrato.store.appender import Attached, StreamAppend
from extrato.store.personal_data import EMAIL
from extrato.use_cases.cancel_payment import complete_cancellation
from extrato.use_cases.command_handler import handle, new_events
from extrato.use_cases.payment_metrics import count_opening
from extrato.use_cases.payments import (
    ChargedPayment,
    after_creation,
    change_payment,
    charged,
    load_payment,
    payment_stream,
)
from extrato.use_cases.provider_accounts import notification_url
from extrato.values import Payer

if TYPE_CHECKING:
    from datetime import datetime

    from contracts.envelope import Cause
    from extrato.domain.merchant import Registered
    from extrato.use_cases.hub import Hub

KEY_NAMESPACE: Final = UUID("6d1a9a0c-3f55-5e0d-8c1b-0f7a6a3b9a77")
CURRENCY: Final = "BRL"
WATCH: Final = timedelta(minutes=10)


class NewPayment(Struct, frozen=True, kw_only=True):
    """A merchant's request, by `method` `pix` or `checkout`. `lifetime` is how long it may be paid."""

    provider: str
    method: str
    amount_centavos: int
    title: str
    description: str
    items: tuple[Item, ...]
    payer: Payer
    lifetime: timedelta


class IdempotencyKey(Struct, frozen=True, kw_only=True):
    """The caller's key for one creation; `request_digest` identifies the request."""

    key: str
    request_digest: str


async def create_payment(
    hub: Hub,
    merchant: Registered,
    wanted: NewPayment,
    *,
    idempotency_key: IdempotencyKey | None,
    cause: Cause,
) -> ChargedPayment:
    """Create a payment with its charge; returns the payment as it was when it could first be paid.

    The same request under the same key returns the first payment again; another request raises
    `Refused("idempotency_key_reused")`. When the provider is unavailable the intent stays, and a repeated request with
    the key, or the monitor, requests the charge again. Raises the provider's and the store's errors.
    """
    number = await hub.payment_ids.next_payment_id()
    bank_id = bank_payment_id(number, hub.new_uuid())
    key, new_key = hub.personal_data.keys.new(number)
    attached = Attached(payment_id=number, new_key=new_key, tags=await hub.personal_data.tags_of(wanted.payer))
    intent = PaymentOpened(
        provider=wanted.provider,
        method=wanted.method,
        amount_centavos=wanted.amount_centavos,
        currency=CURRENCY,
        title=wanted.title,
        description=wanted.description,
        items=wanted.items,
        external_reference=external_reference(number, bank_id),
        bank_payment_id=bank_id,
        payer_email=key.seal(wanted.payer.email, EMAIL),
        expires_at=hub.now() + wanted.lifetime,
        charge=None,
        reference=None,
        unique_reference=False,
        metadata=None,
        return_url=None,
    )
    if _has_more_than_email(wanted):
        # Stored before the intent: if the creation fails, retention removes the row.
        await hub.payers.keep(number, wanted.payer)
    is_remote = wanted.provider in hub.providers.remote
    charge = None if is_remote else await _charge(hub, merchant, number, intent, wanted.payer, opened_at=hub.now())
    opened = msgspec.structs.replace(intent, charge=charge)
    beside = []
    if idempotency_key is not None:
        digest = await hub.personal_data.request_digest(idempotency_key.request_digest)
        used = IdempotencyKeyUsed(request_digest=digest, opened_payment_id=number)
        beside.append(
            StreamAppend(
                stream_id=_key_stream(merchant.slug, idempotency_key),
                expected_version=0,
                events=new_events(hub, [used], merchant=merchant.slug, payment_id=None, cause=cause),
            )
        )
    stream = payment_stream(number, merchant=merchant.slug)
    try:
        handled = await handle(
            hub, stream, [CreatePayment(intent=opened)], cause=cause, attached=attached, is_new=True, beside=beside
        )
    except Conflict:
        if idempotency_key is None or (first := await _use_of(hub, merchant, idempotency_key)) is None:
            raise
        return await _repeat_creation(hub, merchant, idempotency_key, first, cause=cause)
    except Refused as error:
        if error.code != ALREADY_OPENED:
            raise
        # The id belongs to another payment: the sequence is behind.
        hub.payment_ids.discard_spare()
        await hub.log.recorder.advance_sequences()
        return await create_payment(hub, merchant, wanted, idempotency_key=idempotency_key, cause=cause)
    if handled.events:
        count_opening(opened)
    if charge is None:
        hub.personal_data.keys.remember(key)
        return await _request_charge(hub, merchant, number, cause=cause)
    return charged(after_creation(number, handled) if handled.appended else await load_payment(hub, number))


async def _request_charge(hub: Hub, merchant: Registered, payment_id: int, *, cause: Cause) -> ChargedPayment:
    """Request the charge at once; a rejected credential of the merchant ends the payment.

    The client gets the error, so no charge may appear later.
    """
    try:
        return await complete_charge(hub, merchant, payment_id, cause=cause)
    except ProviderNotConnected as error:
        refused = ChargeRefused(code=error.code, reason=error.message)
        await change_payment(hub, payment_id, [RecordCharge(charge=refused, watch_until=None)], cause=cause)
        await hub.payers.forget(payment_id)
        raise


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
            answer: ChargeCreated | ChargeRefused = await _charge(
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
    return payer or Payer(email=await hub.personal_data.open(payment_id, intent.payer_email))


async def _charge(
    hub: Hub, merchant: Registered, payment_id: int, intent: PaymentOpened, payer: Payer, *, opened_at: datetime
) -> ChargeCreated:
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


def _has_more_than_email(wanted: NewPayment) -> bool:
    """The provider needs more of the payer than the e-mail address, which is in the intent."""
    payer = wanted.payer
    return any((payer.name, payer.phone, payer.cpf, payer.cnpj))


async def _use_of(hub: Hub, merchant: Registered, idempotency_key: IdempotencyKey) -> IdempotencyKeyUsed | None:
    """Return the creation that used the key, if there is one."""
    history = await hub.log.read_stream(_key_stream(merchant.slug, idempotency_key))
    return next((each.event for each in history if isinstance(each.event, IdempotencyKeyUsed)), None)


async def _repeat_creation(
    hub: Hub, merchant: Registered, idempotency_key: IdempotencyKey, used: IdempotencyKeyUsed, *, cause: Cause
) -> ChargedPayment:
    # Older logs have the digest without a key.
    digests = {idempotency_key.request_digest, await hub.personal_data.request_digest(idempotency_key.request_digest)}
    if used.request_digest not in digests:
        raise Refused("idempotency_key_reused", "Idempotency-Key")
    loaded = await complete_charge(hub, merchant, used.opened_payment_id, cause=cause)
    # The answer equals the first one, without later changes of the payment.
    first = state.charged(loaded.payment.intent, loaded.payment.charge)
    return msgspec.structs.replace(loaded, payment=first, updated_at=loaded.opened_at)


def _key_stream(merchant: str, idempotency_key: IdempotencyKey) -> UUID:
    return uuid5(KEY_NAMESPACE, f"{merchant}\n{idempotency_key.key}")
