"""Builds the payments of a list from their read model; nothing is read from the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.v1 import Attempt, Payment
from services.gateway.payer_links import links_by_token, payment_page
from services.gateway.v1.methods import METHODS
from services.gateway.v1.shown_payment import order_items
from services.gateway.v1.times import utc, utc_or_none
from services.gateway.v1.verification import verifications_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.read_models import AttemptDetails, PaymentDetails
    from services.gateway.gateway import Gateway
    from services.gateway.v1.payment_search import Page
    from services.gateway.v1.verification import Verification


async def listed_payments(gateway: Gateway, page: Page) -> list[Payment]:
    """Build the payments of a page as `shown_payment` builds one; most pages need no query."""
    if not page.rows:
        return []
    payments, data = [row.details for row in page.rows], gateway.hub.personal_data
    keys = {row.details.payment_id: row.key for row in page.rows if row.key is not None}
    emails = await data.open_all([(each.payment_id, each.payer_email) for each in payments], keys=keys)
    metadata = await data.open_all_metadata([(each.payment_id, each.metadata) for each in payments], keys=keys)
    verifications = await verifications_of(gateway, page)
    return [_listed(gateway, *each) for each in zip(payments, emails, metadata, verifications, strict=True)]


def _listed(
    gateway: Gateway,
    details: PaymentDetails,
    payer_email: str | None,
    metadata: Mapping[str, str],
    verification: Verification,
) -> Payment:
    token = gateway.tokens.make_for(details.payment_id, details.bank_payment_id)
    return Payment(
        object="payment",
        id=str(details.payment_id),
        merchant=details.merchant,
        method=METHODS[details.provider, details.method],
        provider=details.provider,
        status=details.status,
        status_detail=details.status_detail,
        amount_centavos=details.amount_centavos,
        held_centavos=details.held_centavos,
        refunded_centavos=details.refunded_centavos,
        disputed_centavos=details.disputed_centavos,
        fee_centavos=None,
        currency=details.currency,
        reference=details.reference,
        title=details.title,
        description=details.description,
        items=order_items(details.items),
        payer_email=payer_email,
        metadata=dict(metadata),
        return_url=details.return_url,
        charge_id=details.charge_id,
        bank_payment_id=details.bank_payment_id if details.provider == "pix" else None,
        pix_code=details.pix_payload,
        checkout_url=details.checkout_url,
        attempts=[_attempt(each) for each in details.attempts],
        alerts=list(details.alerts),
        created_at=utc(details.created_at),
        updated_at=utc(details.updated_at),
        paid_at=utc_or_none(details.paid_at),
        expires_at=utc_or_none(details.expires_at),
        verified_at=utc_or_none(verification.verified_at),
        next_check_at=utc_or_none(verification.next_check_at),
        live_mode=verification.is_live,
        payment_page=payment_page(links_by_token(gateway, details.payment_id, token), method=details.method),
    )


def _attempt(attempt: AttemptDetails) -> Attempt:
    return Attempt(
        object="attempt",
        id=attempt.attempt_id,
        status=attempt.status,
        status_detail=attempt.status_detail,
        amount_centavos=attempt.amount_centavos,
        held_centavos=attempt.held_centavos,
        refunded_centavos=attempt.refunded_centavos,
        disputed_centavos=attempt.disputed_centavos,
        currency=attempt.currency,
        paid_at=utc_or_none(attempt.paid_at),
    )
