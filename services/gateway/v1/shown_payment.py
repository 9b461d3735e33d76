"""Builds the payments that `/v1` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contracts.v1 import Attempt, OrderItem, Payment
from extrato.domain.payment.state import Charged
from services.gateway.payer_links import payer_links_of, payment_page
from services.gateway.v1.methods import METHODS
from services.gateway.v1.times import utc, utc_or_none
from services.gateway.v1.verification import verification_at_creation, verified

if TYPE_CHECKING:
    from contracts.events import Item
    from extrato.domain.payment.ledger import Ledger
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway
    from services.gateway.v1.verification import Verification


class PlainData(NamedTuple):
    """The data of a payment that is stored encrypted: the payer's e-mail address, and the merchant's metadata."""

    payer_email: str | None
    metadata: dict[str, str]


async def shown_payment(gateway: Gateway, loaded: LoadedPayment) -> Payment:
    """Build a payment as it is; after the payer was forgotten, it has no e-mail address and no metadata."""
    loaded, verification = await verified(gateway, loaded)
    return _shown(gateway, loaded, verification, await _plain_data(gateway, loaded))


async def created_payment(gateway: Gateway, loaded: LoadedPayment, *, sent: PlainData | None = None) -> Payment:
    """Build a payment as it was created.

    `sent` is what the request that created the payment has sent; otherwise it is decrypted.
    """
    plain = sent or await _plain_data(gateway, loaded)
    return _shown(gateway, loaded, await verification_at_creation(gateway, loaded), plain)


def _shown(gateway: Gateway, loaded: LoadedPayment, verification: Verification, plain: PlainData) -> Payment:
    payment = loaded.payment
    intent, charge = payment.intent, (payment.charge if isinstance(payment, Charged) else None)
    ledger, total = payment.ledger, payment.ledger.total
    return Payment(
        object="payment",
        id=str(loaded.payment_id),
        merchant=loaded.merchant,
        method=METHODS[intent.provider, intent.method],
        provider=intent.provider,
        status=payment.status,
        status_detail=payment.status_detail,
        amount_centavos=intent.amount_centavos,
        held_centavos=total.held,
        refunded_centavos=total.refunded,
        disputed_centavos=total.disputed,
        fee_centavos=None,
        currency=intent.currency,
        reference=intent.reference,
        title=intent.title,
        description=intent.description,
        items=order_items(intent.items),
        payer_email=plain.payer_email,
        metadata=plain.metadata,
        return_url=intent.return_url,
        charge_id=charge.charge_id if charge else None,
        bank_payment_id=intent.bank_payment_id if intent.provider == "pix" else None,
        pix_code=charge.pix_payload if charge else None,
        checkout_url=charge.checkout_url if charge else None,
        attempts=_attempts(ledger),
        alerts=list(payment.alerts),
        created_at=utc(loaded.opened_at),
        updated_at=utc(loaded.updated_at),
        paid_at=utc_or_none(ledger.paid_at),
        expires_at=utc_or_none(intent.expires_at),
        verified_at=utc_or_none(verification.verified_at),
        next_check_at=utc_or_none(verification.next_check_at),
        live_mode=verification.is_live,
        payment_page=payment_page(payer_links_of(gateway, loaded), method=intent.method),
    )


async def _plain_data(gateway: Gateway, loaded: LoadedPayment) -> PlainData:
    data, payment = gateway.hub.personal_data, loaded.payment
    return PlainData(
        await data.open(loaded.payment_id, payment.payer_email),
        await data.open_metadata(loaded.payment_id, payment.intent.metadata),
    )


def order_items(items: tuple[Item, ...]) -> list[OrderItem]:
    """Build the lines of an order."""
    return [
        OrderItem(name=item.name, quantity=item.quantity, unit_price_centavos=item.unit_price_centavos)
        for item in items
    ]


def _attempts(ledger: Ledger) -> list[Attempt]:
    """Return all attempts, in the order in which the hub first observed them."""
    shares = {name: ledger.share(name) for name in ledger.attempts}
    return [
        Attempt(
            object="attempt",
            id=name,
            status=attempt.status,
            status_detail=attempt.status_detail,
            amount_centavos=attempt.amount_centavos,
            held_centavos=shares[name].held,
            refunded_centavos=shares[name].refunded,
            disputed_centavos=shares[name].disputed,
            currency=attempt.currency,
            paid_at=utc_or_none(attempt.paid_at),
        )
        for name, attempt in ledger.attempts.items()
    ]
