"""The addresses back to the shop.

Source: a dozen captured return addresses. The query is not signed, so a shop must not trust it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yarl import URL

if TYPE_CHECKING:
    from services.sandbox.state.records import Payment, Preference

_URL_OF_STATUS = {
    "approved": "success",
    "authorized": "success",
    "pending": "pending",
    "in_process": "pending",
}


def return_address(preference: Preference, payment: Payment | None) -> str | None:
    """Return the shop's address for a payer after an attempt, or on leaving; `None` without one."""
    name = "failure" if payment is None else _URL_OF_STATUS.get(payment.status, "failure")
    address = (preference.terms.get("back_urls") or {}).get(name)
    if not address:
        return None
    payment_id = "null" if payment is None else str(payment.payment_id)
    status = "null" if payment is None else payment.status
    added = {
        "collection_id": payment_id,
        "collection_status": status,
        "payment_id": payment_id,
        "status": status,
        "external_reference": preference.external_reference or "null",
        "payment_type": "null" if payment is None else payment.type_id,
        "merchant_order_id": "null" if payment is None else str(payment.order_id),
        "preference_id": preference.preference_id,
        "site_id": "MLB",
        "processing_mode": "aggregator",
        "merchant_account_id": "null",
    }
    url = URL(address)
    return str(url.with_query([*url.query.items(), *added.items()]))
