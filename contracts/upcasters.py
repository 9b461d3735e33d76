"""How old shapes of events become the ones of `contracts/events/`.

An upcaster takes the decoded JSON of one old version and gives that of the next, so that a chain of
them reaches the present from any age. The old shapes live on as golden files under `tests/golden/`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _status_changed_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 named the statuses `from_status` and `to_status`, and did not know the attempt."""
    return {
        "previous": data["from_status"],
        "status": data["to_status"],
        "status_detail": data.get("status_detail"),
        "attempt_id": None,
        "paid_at": data.get("paid_at"),
    }


def _payment_opened_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew one way to pay at each provider, and did not name it."""
    return {**data, "method": "pix" if data["provider"] == "pix" else "checkout"}


def _payment_opened_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 was the intent alone, also of a direct Pix; the charge is the event after it."""
    return {**data, "charge": None}


def _charge_created_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew only charges that a payer may try to pay several times, and not whose they are."""
    return {**data, "attempt_id": None, "account_id": None}


def _provider_connected_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 was written when every account's Pix was made by the Payments API."""
    return {**data, "pix_api": "payments"}


def _late_payment_received_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not say which transfer it was."""
    return {**data, "end_to_end_id": None}


def _late_payment_received_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 called the attempt by the bank's name of the transfer, and told nothing else of it."""
    return {
        "attempt_id": data["end_to_end_id"],
        "amount_centavos": data["amount_centavos"],
        "received_at": data["received_at"],
        "paid_at": None,
        "evidence": None,
    }


def _observation_recorded_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 was written for attempts in the charge's currency only, which has always been this one."""
    return {**data, "currency": "BRL"}


def _observation_ignored_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not say when."""
    return {**data, "ignored_at": None}


def _refund_made_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not say when."""
    return {**data, "made_at": None}


def _refund_requested_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 knew one refund for each wish, without a reason, and did not look at the provider's first."""
    return {**data, "wish_id": data["refund_id"], "reason": None, "known_refunds": None}


def _refund_requested_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not say when."""
    return {**data, "requested_at": None}


def _api_key_issued_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 let a key that charges give back too, and set every price."""
    scopes = data["scopes"]
    if "payments:write" in scopes:
        scopes = sorted({*scopes, "payments:refund"})
    return {**data, "scopes": scopes, "listed_prices_only": False}


def _api_key_issued_v2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 knew keys by their ids only."""
    return {**data, "name": None}


UPCASTERS: Final[dict[str, tuple[str, Upcaster]]] = {
    "PaymentOpened.v1": ("PaymentOpened.v2", _payment_opened_v1),
    "PaymentOpened.v2": ("PaymentOpened.v3", _payment_opened_v2),
    "ChargeCreated.v1": ("ChargeCreated.v2", _charge_created_v1),
    "StatusChanged.v1": ("StatusChanged.v2", _status_changed_v1),
    "ProviderConnected.v1": ("ProviderConnected.v2", _provider_connected_v1),
    "LatePaymentReceived.v1": ("LatePaymentReceived.v2", _late_payment_received_v1),
    "LatePaymentReceived.v2": ("LatePaymentReceived.v3", _late_payment_received_v2),
    "ObservationRecorded.v1": ("ObservationRecorded.v2", _observation_recorded_v1),
    "ObservationIgnored.v1": ("ObservationIgnored.v2", _observation_ignored_v1),
    "RefundMade.v1": ("RefundMade.v2", _refund_made_v1),
    "RefundRequested.v1": ("RefundRequested.v2", _refund_requested_v1),
    "ApiKeyIssued.v1": ("ApiKeyIssued.v2", _api_key_issued_v1),
    "ApiKeyIssued.v2": ("ApiKeyIssued.v3", _api_key_issued_v2),
    "RefundRequested.v2": ("RefundRequested.v3", _refund_requested_v2),
}


def upcast(topic: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Bring `data` of `topic` to the newest version there is an upcaster for."""
    while topic in UPCASTERS:
        topic, upcaster = UPCASTERS[topic]
        data = upcaster(data)
    return topic, data
