"""The payer's way back to the merchant's page: the address says which payment, and never how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from extrato.domain.origins import origin_of

if TYPE_CHECKING:
    from extrato.domain.merchant import Registered
    from extrato.use_cases.payments import LoadedPayment


def way_back(loaded: LoadedPayment, merchant: Registered | None) -> str | None:
    """Return the payment's return address with `payment_id` and `reference`, before its fragment.

    None without an address, and for an origin that the merchant has removed since the creation.
    """
    intent = loaded.payment.intent
    if intent.return_url is None or merchant is None or origin_of(intent.return_url) not in merchant.return_origins:
        return None
    address, hash_, fragment = intent.return_url.partition("#")
    named = {"payment_id": str(loaded.payment_id)}
    if intent.reference is not None:
        named["reference"] = intent.reference
    return f"{address}{'&' if '?' in address else '?'}{urlencode(named)}{hash_}{fragment}"
