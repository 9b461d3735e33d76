"""Creates a payment: records the intent, asks the provider for a charge, records the charge.

A charge that the hub computes itself is recorded with the intent, in one event.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import Struct

from contracts.events import ChargeCreated, ChargeRefused, Item, PaymentOpened
from extrato.domain.errors import Refused
from extrato.domain.money import CURRENCY
from extrato.domain.origins import origin_of
from extrato.domain.payment import state
from extrato.domain.payment.commands import CreatePayment, RecordCharge
from extrato.domain.payment.decisions import ALREADY_OPENED
from extrato.domain.payment.identifiers import bank_payment_id, external_reference
from extrato.errors import Conflict, Overloaded, ProviderNotConnected
from extrato.store.appender import NOTHING_ATTACHED, Attached
from extrato.store.personal_data import EMAIL, seal_metadata
from extrato.use_cases.command_handler import ATTEMPTS, handle
from extrato.use_cases.complete_charge import complete_charge, request_charge
from extrato.use_cases.idempotency import payment_of_key, use_of_key
from extrato.use_cases.payment_metrics import count_opening
from extrato.use_cases.payments import (
    ChargedPayment,
    after_creation,
    change_payment,
    charged,
    load_payment,
    payment_stream,
)
from extrato.use_cases.references import NEVER_TAKEN, find_free, take
from extrato.values import Payer

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from contracts.events import PaymentEvent
    from extrato.domain.merchant import Registered
    from extrato.domain.payment.state import Payment
    from extrato.store.person_tags import PersonTags
    from extrato.store.sealing import PaymentKey
    from extrato.use_cases.command_handler import Handled
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.idempotency import IdempotencyKey


class NewPayment(Struct, frozen=True, kw_only=True):
    """A merchant's request, by `method` `pix` or `checkout`.

    `lifetime` is how long it may be paid; `expires_at` replaces it. `reference` is the merchant's number of the order;
    with `unique_reference`, no other payment that demands the same may have it until this one is closed unpaid. The
    payer returns to `return_url`, whose origin the merchant has registered.
    """

    provider: str
    method: str
    amount_centavos: int
    title: str
    description: str
    items: tuple[Item, ...]
    payer: Payer
    lifetime: timedelta
    expires_at: datetime | None = None
    reference: str | None = None
    unique_reference: bool = False
    metadata: dict[str, str] = {}
    return_url: str | None = None


class Created(Struct, frozen=True, kw_only=True):
    """A payment as it was when it could first be paid; `is_repeated` if an earlier request with the key opened it."""

    loaded: ChargedPayment
    is_repeated: bool


class _Sealed(NamedTuple):
    """The personal data of an intent, with its key, and what is stored beside the intent."""

    key: PaymentKey | None
    attached: Attached
    payer_email: str | None
    metadata: str | None


NOTHING_SEALED: Final = _Sealed(key=None, attached=NOTHING_ATTACHED, payer_email=None, metadata=None)


def describe(items: tuple[Item, ...]) -> str:
    """Describe an order in one line, such as `10x Pão Francês, 1x Bolo de Chocolate`."""
    return ", ".join(f"{item.quantity}x {item.name}" for item in items)


async def create_payment(
    hub: Hub,
    merchant: Registered,
    wanted: NewPayment,
    *,
    idempotency_key: IdempotencyKey | None,
    cause: Cause,
) -> Created:
    """Create a payment with its charge.

    The same request under the same key returns the first payment again; another request raises
    `Refused("idempotency_key_reused")`. A reference that another payment has raises `Refused("reference_taken")`, an
    address that the merchant has not registered `Refused("return_url_not_allowed")`. When the provider is unavailable
    the intent stays, and a repeated request with the key, or the monitor, requests the charge again. Raises the
    provider's and the store's errors.
    """
    require_known_origin(merchant, wanted.return_url)
    number = await hub.payment_ids.next_payment_id()
    sealed = _seal(hub, number, wanted, tags=await hub.personal_data.tags_of(wanted.payer))
    intent = _intent(hub, number, wanted, sealed)
    has_details = _has_more_than_email(wanted)
    # Stored before the intent: if the creation fails, retention removes the row.
    if has_details and not await hub.payers.keep(number, wanted.payer):
        return await _create_with_another_id(hub, merchant, wanted, idempotency_key=idempotency_key, cause=cause)
    charge = await _own_charge(hub, merchant, number, intent, wanted.payer)
    opened = msgspec.structs.replace(intent, charge=charge)
    try:
        handled = await _open(hub, merchant, number, opened, key=idempotency_key, attached=sealed.attached, cause=cause)
    except (Conflict, Refused) as error:
        if has_details:
            await hub.payers.forget(number)
        if isinstance(error, Refused):
            if error.code != ALREADY_OPENED:
                raise
            return await _create_with_another_id(hub, merchant, wanted, idempotency_key=idempotency_key, cause=cause)
        repeated = await repeated_creation(hub, merchant, idempotency_key, cause=cause)
        if repeated is None:
            raise
        return repeated
    if sealed.key is not None:
        # It is stored; the charge or the answer needs it at once.
        hub.personal_data.keys.remember(sealed.key)
    return Created(loaded=await _charged(hub, merchant, number, opened, handled, cause=cause), is_repeated=False)


async def _charged(
    hub: Hub,
    merchant: Registered,
    number: int,
    opened: PaymentOpened,
    handled: Handled[Payment, PaymentEvent],
    *,
    cause: Cause,
) -> ChargedPayment:
    """Return the payment that was opened; a charge that the hub did not make is requested."""
    if handled.events:
        count_opening(opened)
    if opened.charge is None:
        return await _request_charge(hub, merchant, number, cause=cause)
    return charged(after_creation(number, handled) if handled.appended else await load_payment(hub, number))


def _intent(hub: Hub, number: int, wanted: NewPayment, sealed: _Sealed) -> PaymentOpened:
    """Return the first event of a payment, without its charge."""
    bank_id = bank_payment_id(number, hub.new_uuid())
    return PaymentOpened(
        provider=wanted.provider,
        method=wanted.method,
        amount_centavos=wanted.amount_centavos,
        currency=CURRENCY,
        title=wanted.title,
        description=wanted.description,
        items=wanted.items,
        external_reference=external_reference(number, bank_id),
        bank_payment_id=bank_id,
        payer_email=sealed.payer_email,
        expires_at=wanted.expires_at or hub.now() + wanted.lifetime,
        charge=None,
        reference=wanted.reference,
        unique_reference=wanted.unique_reference,
        metadata=sealed.metadata,
        return_url=wanted.return_url,
    )


async def _own_charge(
    hub: Hub, merchant: Registered, number: int, intent: PaymentOpened, payer: Payer
) -> ChargeCreated | None:
    """Return the charge that the hub makes itself; None where a provider makes it, after the intent is recorded."""
    if intent.provider in hub.providers.remote:
        return None
    return await request_charge(hub, merchant, number, intent, payer, opened_at=hub.now())


async def _open(
    hub: Hub,
    merchant: Registered,
    number: int,
    opened: PaymentOpened,
    *,
    key: IdempotencyKey | None,
    attached: Attached,
    cause: Cause,
) -> Handled[Payment, PaymentEvent]:
    """Append the first event, and in the same step the use of the idempotency key and of the reference.

    Raises `Conflict` if the key is used, and `Refused` if the reference is taken.
    """
    slug, unique = merchant.slug, opened.reference if opened.unique_reference else None
    stream, command = payment_stream(number, merchant=slug), CreatePayment(intent=opened)
    beside = [] if key is None else [await use_of_key(hub, slug, key, payment_id=number, cause=cause)]
    if unique is None:
        return await handle(hub, stream, [command], cause=cause, attached=attached, is_new=True, beside=beside)
    free = NEVER_TAKEN
    for _ in range(ATTEMPTS):
        taken = take(hub, free, merchant=slug, reference=unique, payment_id=number, cause=cause)
        both = [*beside, taken]
        try:
            return await handle(hub, stream, [command], cause=cause, attached=attached, is_new=True, beside=both)
        except Conflict:
            if key is not None and await payment_of_key(hub, slug, key) is not None:
                raise
            free = await find_free(hub, slug, unique)
    raise Overloaded(f"Reference {unique}", why="stream")


async def _create_with_another_id(
    hub: Hub, merchant: Registered, wanted: NewPayment, *, idempotency_key: IdempotencyKey | None, cause: Cause
) -> Created:
    """Create a payment whose first id belongs to another one: the sequence is behind."""
    hub.payment_ids.discard_spare()
    await hub.log.recorder.advance_sequences()
    return await create_payment(hub, merchant, wanted, idempotency_key=idempotency_key, cause=cause)


def _seal(hub: Hub, payment_id: int, wanted: NewPayment, *, tags: PersonTags) -> _Sealed:
    """Seal with a new key; a payment without personal data gets one with its first observation."""
    if wanted.payer.email is None and not tags and not wanted.metadata:
        return NOTHING_SEALED
    new_key = hub.personal_data.keys.new(payment_id)
    key = new_key.key
    return _Sealed(
        key=key,
        attached=Attached(payment_id=payment_id, new_key=new_key, tags=tags),
        payer_email=key.seal(wanted.payer.email, EMAIL),
        metadata=seal_metadata(key, wanted.metadata),
    )


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


def require_known_origin(merchant: Registered, return_url: str | None) -> None:
    """Raise `Refused` for a return address whose origin the merchant has not registered."""
    if return_url is not None and origin_of(return_url) not in merchant.return_origins:
        raise Refused("return_url_not_allowed", "return_url")


def _has_more_than_email(wanted: NewPayment) -> bool:
    """The provider needs more of the payer than the e-mail address, which is in the intent."""
    payer = wanted.payer
    return any((payer.name, payer.phone, payer.cpf, payer.cnpj))


async def repeated_creation(
    hub: Hub, merchant: Registered, idempotency_key: IdempotencyKey | None, *, cause: Cause
) -> Created | None:
    """Return the payment that an earlier request with the key created; None if there is none.

    Raises `Refused` for a key of another request, and the errors of a charge that is requested again.
    """
    payment_id = None if idempotency_key is None else await payment_of_key(hub, merchant.slug, idempotency_key)
    if payment_id is None:
        return None
    loaded = await complete_charge(hub, merchant, payment_id, cause=cause)
    # Without later changes of the payment. Its watch says when the hub asks again.
    as_created = state.charged(loaded.payment.intent, loaded.payment.charge)
    first = msgspec.structs.replace(as_created, watch_until=loaded.payment.watch_until)
    charged_at = await _charged_at(hub, payment_id) or loaded.opened_at
    return Created(loaded=msgspec.structs.replace(loaded, payment=first, updated_at=charged_at), is_repeated=True)


async def _charged_at(hub: Hub, payment_id: int) -> datetime | None:
    """Return when the charge was recorded, which ended the creation; None for a charge in the first event."""
    history = await hub.log.read_stream(payment_stream(payment_id).stream_id)
    return next((envelope.recorded_at for envelope in history if isinstance(envelope.event, ChargeCreated)), None)
