"""Upcasters: they translate old shapes of events to those of `contracts/events/`.

An upcaster takes the decoded JSON of one old version and returns that of the next version, so a chain of upcasters
translates any version. Golden files of the old shapes are in `tests/golden/`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _status_changed_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 named the statuses `from_status` and `to_status`, and had no attempt."""
    return {
        "previous": data["from_status"],
        "status": data["to_status"],
        "status_detail": data.get("status_detail"),
        "attempt_id": None,
        "paid_at": data.get("paid_at"),
    }


def _payment_opened_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had no method, because each provider had only one."""
    return {**data, "method": "pix" if data["provider"] == "pix" else "checkout"}


def _payment_opened_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 had no charge, also for a direct Pix; the charge is in the next event."""
    return {**data, "charge": None}


def _payment_opened_v3(data: dict[str, Any]) -> dict[str, Any]:
    """Version 3 had the payer's e-mail address in plain text."""
    return data


def _payment_opened_v4(data: dict[str, Any]) -> dict[str, Any]:
    """Version 4 had nothing of the merchant's own order beside its text."""
    return {**data, "reference": None, "unique_reference": False, "metadata": None, "return_url": None}


def _charge_created_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had neither the attempt nor the account; every charge could have several attempts."""
    return {**data, "attempt_id": None, "account_id": None}


def _provider_connected_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had no `pix_api`: the Payments API created every Pix."""
    return {**data, "pix_api": "payments"}


def _late_payment_received_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not name the transfer."""
    return {**data, "end_to_end_id": None}


def _late_payment_received_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 named the attempt by the transfer's `end_to_end_id`, without the time of payment and evidence."""
    return {
        "attempt_id": data["end_to_end_id"],
        "amount_centavos": data["amount_centavos"],
        "received_at": data["received_at"],
        "paid_at": None,
        "evidence": None,
    }


def _observation_recorded_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had only attempts in the charge's currency, which was always BRL."""
    return {**data, "currency": "BRL"}


def _observation_recorded_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 had the payer's e-mail address in plain text, and the plain SHA-256 of the answer."""
    return data


def _observation_ignored_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had no time."""
    return {**data, "ignored_at": None}


def _refund_made_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had no time."""
    return {**data, "made_at": None}


def _refund_requested_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 had one refund for each request, without a reason and without the provider's earlier refunds."""
    return {**data, "wish_id": data["refund_id"], "reason": None, "known_refunds": None}


def _refund_requested_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had no time."""
    return {**data, "requested_at": None}


def _api_key_issued_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 let every key with `payments:write` refund, and let every key set prices."""
    scopes = data["scopes"]
    if "payments:write" in scopes:
        scopes = sorted({*scopes, "payments:refund"})
    return {**data, "scopes": scopes, "listed_prices_only": False}


def _api_key_issued_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 had no name."""
    return {**data, "name": None}


UPCASTERS: Final[dict[str, tuple[str, Upcaster]]] = {
    "PaymentOpened.v1": ("PaymentOpened.v2", _payment_opened_v1),
    "PaymentOpened.v2": ("PaymentOpened.v3", _payment_opened_v2),
    "PaymentOpened.v3": ("PaymentOpened.v4", _payment_opened_v3),
    "PaymentOpened.v4": ("PaymentOpened.v5", _payment_opened_v4),
    "ChargeCreated.v1": ("ChargeCreated.v2", _charge_created_v1),
    "StatusChanged.v1": ("StatusChanged.v2", _status_changed_v1),
    "ProviderConnected.v1": ("ProviderConnected.v2", _provider_connected_v1),
    "LatePaymentReceived.v1": ("LatePaymentReceived.v2", _late_payment_received_v1),
    "LatePaymentReceived.v2": ("LatePaymentReceived.v3", _late_payment_received_v2),
    "ObservationRecorded.v1": ("ObservationRecorded.v2", _observation_recorded_v1),
    "ObservationRecorded.v2": ("ObservationRecorded.v3", _observation_recorded_v2),
    "ObservationIgnored.v1": ("ObservationIgnored.v2", _observation_ignored_v1),
    "RefundMade.v1": ("RefundMade.v2", _refund_made_v1),
    "RefundRequested.v1": ("RefundRequested.v2", _refund_requested_v1),
    "ApiKeyIssued.v1": ("ApiKeyIssued.v2", _api_key_issued_v1),
    "ApiKeyIssued.v2": ("ApiKeyIssued.v3", _api_key_issued_v2),
    "RefundRequested.v2": ("RefundRequested.v3", _refund_requested_v2),
}


def upcast(topic: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Translate `data` of `topic` to the newest version that upcasters reach; return its topic and data."""
    while topic in UPCASTERS:
        topic, upcaster = UPCASTERS[topic]
        data = upcaster(data)
    return topic, data
