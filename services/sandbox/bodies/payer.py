"""The personal data of a payer as the APIs show it: the payer, the card and its holder, and the payer at the bank.

Source: a captured sandbox Pix payment, the types of the official Node SDK, and the documented test cards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.state.clock import api_instant

if TYPE_CHECKING:
    from services.sandbox.state.records import Payment

# The first six and the last four digits of the test card of each method; those of Hipercard are invented.
_CARDS = {
    "visa": ("423564", "5682"),
    "debvisa": ("423564", "5682"),
    "master": ("503143", "6351"),
    "debmaster": ("503143", "6351"),
    "amex": ("375365", "6885"),
    "elo": ("506776", "8311"),
    "debelo": ("506776", "8311"),
    "hipercard": ("606282", "0000"),
}
_TEST_HOLDER = "APRO"
_TEST_DOCUMENT = {"number": "12345678909", "type": "CPF"}


def payer_body(payment: Payment) -> dict[str, Any]:
    """Return the payer of a payment; the data of a Pix payer appear only after the approval (reference)."""
    payer = payment.payer if _is_shown(payment) else {}
    phone = payer.get("phone") or {}
    return {
        "id": payment.payer["id"],
        "email": payer.get("email"),
        "first_name": payer.get("first_name"),
        "last_name": payer.get("last_name"),
        "identification": _identification(payer),
        "phone": {"area_code": phone.get("area_code"), "extension": None, "number": phone.get("number")},
        "type": None,
        "entity_type": None,
        "operator_id": None,
    }


def card_body(payment: Payment) -> dict[str, Any]:
    """Return the card of a payment, `{}` for other methods. Without another name the holder is that of a test card."""
    digits = _CARDS.get(payment.method_id)
    if digits is None:
        return {}
    created = api_instant(payment.created_ms)
    payer = payment.payer
    return {
        "id": None,
        "first_six_digits": digits[0],
        "last_four_digits": digits[1],
        "bin": digits[0],
        "expiration_month": 11,
        "expiration_year": 2030,
        "date_created": created,
        "date_last_updated": created,
        "cardholder": {
            "name": _whole_name(payer) or _TEST_HOLDER,
            "identification": payer.get("identification") or _TEST_DOCUMENT,
        },
    }


def bank_payer_body(payment: Payment) -> dict[str, Any]:
    """Return what the payer's bank says about the payer of a Pix, once it is paid."""
    payer = payment.payer if _is_shown(payment) else {}
    return {
        "account_id": None,
        "id": None,
        "long_name": _whole_name(payer),
        "external_account_id": None,
        "identification": _identification(payer),
    }


def order_payer_body(payment: Payment) -> dict[str, Any]:
    """Return the payer of an order: what the order was created with."""
    return {name: value for name, value in payment.payer.items() if name != "id" and value is not None}


def _is_shown(payment: Payment) -> bool:
    return payment.method_id != "pix" or payment.approved_ms is not None


def _identification(payer: dict[str, Any]) -> dict[str, Any]:
    return payer.get("identification") or {"number": None, "type": None}


def _whole_name(payer: dict[str, Any]) -> str | None:
    return " ".join(part for part in (payer.get("first_name"), payer.get("last_name")) if part) or None
