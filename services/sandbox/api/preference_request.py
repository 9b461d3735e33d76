"""Reads and checks the terms of a preference.

Source: mercadopago OpenAPI, "Preferences", and captured errors.
"""

from __future__ import annotations

from typing import Any

from yarl import URL

from services.sandbox.api.payment_request import read_notification_url
from services.sandbox.state.clock import NotAnInstant, parse_instant
from services.sandbox.state.errors import ProviderError, bad_preference
from services.sandbox.state.money import MAX_CENTAVOS, NotMoney, centavos

_MAX_REFERENCE = 256
_BACK_URLS = ("success", "pending", "failure")


def check_terms(terms: dict[str, Any]) -> int:
    """Check all terms and return the total in centavos; raises `ProviderError`."""
    total_centavos = _check_items(terms.get("items"))
    _check_back_urls(terms)
    _check_notification_url(terms.get("notification_url"))
    _check_payment_methods(terms.get("payment_methods") or {})
    reference = terms.get("external_reference")
    if reference is not None and (not isinstance(reference, str) or len(reference) > _MAX_REFERENCE):
        raise bad_preference("invalid_external_reference", "external_reference invalid")
    for name in ("expires", "binary_mode"):
        if terms.get(name) is not None and not isinstance(terms[name], bool):
            raise bad_preference(f"invalid_{name}", f"{name} invalid")
    if terms.get("metadata") is not None and not isinstance(terms["metadata"], dict):
        raise bad_preference("invalid_metadata", "metadata invalid")
    if terms.get("payer") is not None and not isinstance(terms["payer"], dict):
        raise bad_preference("invalid_payer", "payer invalid")
    return total_centavos


def read_date(terms: dict[str, Any], name: str) -> int | None:
    """Read one of the dates of a preference; raises `ProviderError` `invalid_<name>`."""
    if terms.get(name) is None:
        return None
    try:
        return parse_instant(terms[name])
    except NotAnInstant as error:
        raise bad_preference(f"invalid_{name}", f"{name} invalid") from error


def _check_items(items: object) -> int:
    if not isinstance(items, list) or not items:
        raise bad_preference("invalid_items", "items needed")
    total_centavos = sum(_item_centavos(item) for item in items)
    if total_centavos > MAX_CENTAVOS:
        raise bad_preference("invalid_items", "unit_price invalid.")
    return total_centavos


def _item_centavos(item: object) -> int:
    if not isinstance(item, dict) or not isinstance(item.get("title"), str) or not item["title"]:
        raise bad_preference("invalid_items", "title invalid.")
    quantity = item.get("quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= 999_999:
        raise bad_preference("invalid_items", "quantity invalid.")
    if (item.get("currency_id") or "BRL") != "BRL":
        raise bad_preference("invalid_items", "currency_id invalid.")
    try:
        unit_centavos = centavos(item.get("unit_price"))
    except NotMoney as error:
        raise bad_preference("invalid_items", "unit_price invalid.") from error
    if unit_centavos <= 0:
        raise bad_preference("invalid_items", "unit_price invalid.")
    return quantity * unit_centavos


def _check_back_urls(terms: dict[str, Any]) -> None:
    """Check that `auto_return` has a success URL; the sandbox allows a local one, which the real API rejects."""
    back_urls = terms.get("back_urls") or {}
    if not isinstance(back_urls, dict) or not all(isinstance(back_urls.get(each) or "", str) for each in _BACK_URLS):
        raise bad_preference("invalid_back_urls", "back_urls invalid")
    if not all(_is_absolute(back_urls[each]) for each in _BACK_URLS if back_urls.get(each)):
        raise bad_preference("invalid_back_urls", "back_urls invalid. Wrong format")
    auto_return = terms.get("auto_return")
    if auto_return and auto_return not in ("approved", "all"):
        raise bad_preference("invalid_auto_return", "auto_return invalid")
    if auto_return and not back_urls.get("success"):
        raise bad_preference("invalid_auto_return", "auto_return invalid. back_url.success must be defined")


def _is_absolute(address: str) -> bool:
    """Return True for absolute addresses of the web or of apps (`minhaloja://volta`)."""
    try:
        return bool(URL(address).scheme)
    except ValueError:
        return False


def _check_notification_url(value: object) -> None:
    try:
        read_notification_url(value)
    except ProviderError as error:
        raise bad_preference("invalid_notification_url", error.message) from error


def _check_payment_methods(wishes: object) -> None:
    excluded = wishes.get("excluded_payment_methods") or [] if isinstance(wishes, dict) else None
    if not isinstance(wishes, dict) or not isinstance(excluded, list):
        raise bad_preference("invalid_payment_methods", "payment_methods invalid")
    default = wishes.get("default_payment_method_id")
    if default and {"id": default} in excluded:
        raise bad_preference(
            "invalid_payment_methods", "invalid default_payment_method_id. The payment method is excluded"
        )
