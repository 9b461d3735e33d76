"""Creates payments: directly through the API, or as an attempt on a preference."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from extrato.domain.brcode import encode_static
from services.sandbox.api.payment_request import read_phone
from services.sandbox.state.lifecycle import settled, usual_detail
from services.sandbox.state.records import MerchantOrder, Payment

if TYPE_CHECKING:
    from services.sandbox.api.methods import Method
    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Preference

PIX_LIFETIME_MS = 24 * 3_600_000
TICKET_LIFETIME_MS = 30 * 24 * 3_600_000
_CITY = "SAO PAULO"


def new_payment(
    sim: Simulator,
    account: Account,
    *,
    method: Method,
    amount_centavos: int,
    status: str,
    detail: str | None = None,
    **terms: Any,
) -> Payment:
    """Create and save a payment, and queue its webhooks; `terms` are further fields of `Payment`."""
    now_ms = sim.clock.now_ms()
    payment_id = sim.store.next_id()
    payer = {"id": "1999999999", **(terms.pop("payer", None) or {})}
    payment = Payment(
        payment_id=payment_id,
        collector_id=account.collector_id,
        created_ms=now_ms,
        updated_ms=now_ms,
        status=status,
        status_detail=detail or usual_detail(status, method.type_id),
        method_id=method.method_id,
        type_id=method.type_id,
        amount_centavos=amount_centavos,
        payer=payer,
        metadata=_snake_cased(terms.pop("metadata", None) or {}),
        expires_ms=terms.pop("expires_ms", None) or _usual_expiry_ms(method, now_ms),
        ticket_hash=str(uuid.uuid4()) if method.type_id in {"bank_transfer", "ticket"} else None,
        qr_code=_pix_code(account, payment_id, amount_centavos) if method.method_id == "pix" else None,
        **terms,
    )
    if status == "approved":
        payment = settled(payment, now_ms=now_ms)
    sim.record(payment, action="created")
    return payment


def new_attempt(
    sim: Simulator,
    preference: Preference,
    *,
    method: Method,
    status: str,
    detail: str | None = None,
    amount_centavos: int | None = None,
    currency_id: str = "BRL",
    typed: dict[str, Any] | None = None,
) -> Payment:
    """Create a payment on a preference, with its merchant order, as the checkout does.

    `typed` is what the payer typed at the checkout: it replaces the payer of the preference, field by field. Each
    attempt is a separate payment, and all share one merchant order. Source: captured return addresses.
    """
    terms = preference.terms
    return new_payment(
        sim,
        sim.account_of(preference.collector_id),
        method=method,
        amount_centavos=preference.total_centavos if amount_centavos is None else amount_centavos,
        status=status,
        detail=detail,
        currency_id=currency_id,
        preference_id=preference.preference_id,
        order_id=_order_of(sim, preference).order_id,
        external_reference=preference.external_reference,
        notification_url=terms.get("notification_url") or None,
        description=terms["items"][0]["title"],
        statement_descriptor=_text(terms.get("statement_descriptor")),
        metadata=terms.get("metadata"),
        binary_mode=bool(terms.get("binary_mode")),
        payer=payer_of(preference) | (typed or {}),
        expires_ms=preference.payments_due_ms,
    )


def payer_of(preference: Preference) -> dict[str, Any]:
    """Return the payer of a preference in the form of a payment's payer."""
    payer = preference.terms.get("payer") or {}
    return {
        "email": payer.get("email") or "comprador@testuser.com",
        "first_name": payer.get("name"),
        "last_name": payer.get("surname"),
        "identification": payer.get("identification"),
        "phone": read_phone(payer.get("phone")),
    }


def _order_of(sim: Simulator, preference: Preference) -> MerchantOrder:
    order = sim.store.order_of_preference(preference.preference_id)
    if order is None:
        order = MerchantOrder(
            order_id=sim.store.next_id(),
            preference_id=preference.preference_id,
            collector_id=preference.collector_id,
            created_ms=sim.clock.now_ms(),
        )
        sim.store.save_order(order)
    return order


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _pix_code(account: Account, payment_id: int, amount_centavos: int) -> str:
    return encode_static(
        pix_key=account.pix_key,
        receiver_name=account.nickname,
        receiver_city=_CITY,
        amount_centavos=amount_centavos,
        txid=f"mpqrinter{payment_id}",
    )


def _usual_expiry_ms(method: Method, now_ms: int) -> int | None:
    if method.method_id == "pix":
        return now_ms + PIX_LIFETIME_MS
    return now_ms + TICKET_LIFETIME_MS if method.type_id == "ticket" else None


def _snake_cased(value: Any) -> Any:
    """Convert keys to snake case, as the API does with metadata (reported by users of the official SDKs)."""
    if isinstance(value, dict):
        return {re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower(): _snake_cased(value[key]) for key in value}
    return [_snake_cased(each) for each in value] if isinstance(value, list) else value
