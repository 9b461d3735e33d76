"""A preference as the API shows it.

Source: a captured 201 answer; all its keys are always present, with the captured constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.state.clock import api_instant
from services.sandbox.state.money import centavos, reais

if TYPE_CHECKING:
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.clock import Clock
    from services.sandbox.state.records import Preference

_SITE = "MLB"
_NO_URLS = {"failure": "", "pending": "", "success": ""}
_NO_ITEM = {"id": "", "category_id": "", "currency_id": "BRL", "description": "", "picture_url": ""}
_NO_PAYER = {
    "phone": {"area_code": "", "number": ""},
    "address": {"zip_code": "", "street_name": "", "street_number": None},
    "email": "",
    "identification": {"number": "", "type": ""},
    "name": "",
    "surname": "",
    "date_created": None,
    "last_purchase": None,
}
_NO_METHODS = {
    "default_card_id": None,
    "default_payment_method_id": None,
    "excluded_payment_methods": [{"id": ""}],
    "excluded_payment_types": [{"id": ""}],
    "installments": None,
    "default_installments": None,
}
_NO_ADDRESS = {
    "zip_code": "",
    "street_name": "",
    "street_number": None,
    "floor": "",
    "apartment": "",
    "city_name": None,
    "state_name": None,
    "country_name": None,
    "neighborhood": None,
}


def checkout_url(preference_id: str, *, public_url: str) -> str:
    """Return the address where a payer pays a preference."""
    return f"{public_url}/checkout/v1/redirect?pref_id={preference_id}"


def preference_body(preference: Preference, *, account: Account, public_url: str, clock: Clock) -> dict[str, Any]:
    """Return the JSON object of a preference."""
    terms = preference.terms
    address = checkout_url(preference.preference_id, public_url=public_url)
    closes_ms = preference.closes_ms
    return {
        "additional_info": terms.get("additional_info") or "",
        "auto_return": terms.get("auto_return") or "",
        "back_urls": _NO_URLS | _named(terms.get("back_urls")),
        "binary_mode": bool(terms.get("binary_mode")),
        "client_id": account.client_id,
        "collector_id": preference.collector_id,
        "coupon_code": terms.get("coupon_code"),
        "coupon_labels": terms.get("coupon_labels"),
        "date_created": api_instant(preference.created_ms),
        "date_of_expiration": api_instant(preference.payments_due_ms),
        "expiration_date_from": terms.get("expiration_date_from"),
        "expiration_date_to": terms.get("expiration_date_to"),
        "expires": terms.get("expires") is True,
        "external_reference": terms.get("external_reference") or "",
        "financing_group": "",
        "id": preference.preference_id,
        "init_point": address,
        "sandbox_init_point": address,
        "internal_metadata": None,
        "items": [_item(item) for item in terms["items"]],
        "last_updated": api_instant(preference.updated_ms),
        "marketplace": terms.get("marketplace") or "NONE",
        "marketplace_fee": terms.get("marketplace_fee") or 0,
        "metadata": terms.get("metadata") or {},
        "notification_url": terms.get("notification_url") or "",
        "operation_type": "regular_payment",
        "payer": _NO_PAYER | _named(terms.get("payer")),
        "payment_methods": _NO_METHODS | _named(terms.get("payment_methods")),
        "preference_expired": closes_ms is not None
        and clock.now_ms() >= clock.arrival_ms(preference.created_ms, closes_ms),
        "processing_modes": terms.get("processing_modes"),
        "product_id": None,
        "redirect_urls": _NO_URLS | _named(terms.get("redirect_urls")),
        "shipments": {"default_shipping_method": None, "receiver_address": _NO_ADDRESS}
        | _named(terms.get("shipments")),
        "site_id": _SITE,
        "statement_descriptor": terms.get("statement_descriptor"),
        "total_amount": None,
    }


def preference_summary(preference: Preference, *, account: Account) -> dict[str, Any]:
    """Return a preference as the search shows it, with the fields that the official Node SDK declares."""
    terms = preference.terms
    return {
        "id": preference.preference_id,
        "client_id": account.client_id,
        "collector_id": preference.collector_id,
        "concept_id": None,
        "corporation_id": "",
        "date_created": api_instant(preference.created_ms),
        "expiration_date_from": terms.get("expiration_date_from"),
        "expiration_date_to": terms.get("expiration_date_to"),
        "expires": terms.get("expires") is True,
        "external_reference": terms.get("external_reference") or "",
        "integrator_id": "",
        "items": [item["title"] for item in terms["items"]],
        "last_updated": api_instant(preference.updated_ms),
        "live_mode": True,
        "marketplace": terms.get("marketplace") or "NONE",
        "operation_type": "regular_payment",
        "payer_email": _named(terms.get("payer")).get("email") or "",
        "payer_id": None,
        "platform_id": "",
        "processing_modes": terms.get("processing_modes"),
        "product_id": None,
        "purpose": terms.get("purpose") or "",
        "site_id": _SITE,
        "sponsor_id": None,
        "shipping_mode": "",
    }


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return _NO_ITEM | _named(item) | {"unit_price": reais(centavos(item["unit_price"]))}


def _named(value: object) -> dict[str, Any]:
    """Return an object without its null fields."""
    return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else {}
