"""Reads and verifies Mercado Pago's notifications, in all its formats.

Source: Mercado Pago's Webhooks documentation and official SDKs. The signature is an HMAC-SHA256 over
`id:{data.id};request-id:{x-request-id};ts:{ts};`, where a part whose value is missing is left out.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# Mercado Pago signs each retry with the current time, so an older delivery is a replay.
TOLERANCE_S: Final = 15 * 60
MILLISECONDS_FROM: Final = 10**12

SIGNED_TIME: Final = re.compile(r"[0-9]{1,16}")
HASH: Final = re.compile(r"[0-9a-fA-F]{64}")
RESOURCE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Source: the events that the panel offers.
KINDS: Final = frozenset(
    {
        "delivery_cancellation",
        "mp-connect",
        "order",
        "payment",
        "point_integration_wh",
        "stop_delivery_op_wh",
        "subscription_authorized_payment",
        "subscription_preapproval",
        "subscription_preapproval_plan",
        "topic_card_id_wh",
        "topic_chargebacks_wh",
        "topic_claims_integration_wh",
        "topic_merchant_order_wh",
        "wallet_connect",
    }
)
# The bodies of these kinds have `data` without an id.
NAMED_BY_ID: Final = frozenset({"topic_merchant_order_wh", "merchant_order"})

Verdict = Literal["verified", "missing", "malformed", "mismatched", "outdated", "unverifiable"]


class Notification(Struct, frozen=True, kw_only=True):
    """A notification; `account_id` is the provider's id of the merchant, if the notification has one.

    `is_signed_format` marks the Webhooks format, whose signature can be verified; the older IPN formats have none.
    """

    kind: str
    resource_id: str
    account_id: str | None
    is_signed_format: bool


def read_notification(query: Mapping[str, str], body: bytes) -> Notification | None:
    """Read a notification; None for another request, or when the body contradicts the query.

    The signature covers `data.id` of the query and nothing of the body, so the Webhooks format requires that id. A
    request without it, such as a test of the provider's panel with only a body, counts as an IPN.
    """
    try:
        content = msgspec.json.decode(body) if body else {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    user_id = _id_text(content.get("user_id"))
    account_id = user_id if user_id and RESOURCE_ID.fullmatch(user_id) else None
    if "topic" in query:
        return _notification(query["topic"], query.get("id"), account_id, is_signed_format=False)
    data_id = query.get("data.id")
    if not data_id:
        kind = query.get("type") or content.get("type") or content.get("topic")
        return _notification(kind, query.get("id") or _resource_id_in(content), account_id, is_signed_format=False)
    notification = _notification(query.get("type") or content.get("type"), data_id, account_id, is_signed_format=True)
    return notification if notification is not None and _matches_query(content, notification) else None


def _resource_id_in(content: dict[str, Any]) -> str | None:
    """Return the id of a body's resource; an IPN names the resource by its URL."""
    data, resource = content.get("data"), content.get("resource")
    if isinstance(data, dict) and data.get("id") is not None:
        return _id_text(data["id"])
    return resource.rpartition("/")[2] if isinstance(resource, str) else _id_text(content.get("id"))


def _matches_query(content: dict[str, Any], notification: Notification) -> bool:
    """The kind and the id in the body, if any, are those of the query.

    A body's `id` is the notification's own; only a merchant order has its id there instead of in `data.id`.
    """
    data = content.get("data")
    named = data.get("id") if isinstance(data, dict) else None
    if named is None and notification.kind.lower() in NAMED_BY_ID:
        named = content.get("id")
    pairs = ((content.get("type"), notification.kind), (named, notification.resource_id))
    return all(found is None or (_id_text(found) or "").lower() == known.lower() for found, known in pairs)


def _id_text(value: object) -> str | None:
    """Return an id that is a text or a number; booleans are none."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _notification(
    kind: object, resource_id: str | None, account_id: str | None, *, is_signed_format: bool
) -> Notification | None:
    if not isinstance(kind, str) or not RESOURCE_ID.fullmatch(kind):
        return None
    if resource_id is None or not RESOURCE_ID.fullmatch(resource_id):
        return None
    return Notification(kind=kind, resource_id=resource_id, account_id=account_id, is_signed_format=is_signed_format)


def manifest(*, data_id: str | None, request_id: str | None, ts: str) -> str:
    """Return the signed text."""
    parts = (("id", data_id), ("request-id", request_id), ("ts", ts))
    return "".join(f"{label}:{value};" for label, value in parts if value)


class Signature(Struct, frozen=True, kw_only=True):
    """The signature of a delivery: the time as sent, the HMAC in hex, and the signed request id."""

    ts: str
    v1: str
    request_id: str


def read_signature(header: str | None, request_id: str | None) -> Signature | Literal["missing", "malformed"]:
    """Parse `x-signature` as the SDKs do: in any order, and ignoring parts of future versions."""
    if not header:
        return "missing"
    labelled = (part.partition("=") for part in header.split(","))
    parts = {label.strip().lower(): value.strip() for label, _, value in labelled if value.strip()}
    ts, v1 = parts.get("ts", ""), parts.get("v1", "").lower()
    if not SIGNED_TIME.fullmatch(ts) or not HASH.fullmatch(v1):
        return "malformed"
    return Signature(ts=ts, v1=v1, request_id=request_id or "")


def delivery_name(notification: Notification, signature: Signature) -> str:
    """Return the name of a delivery, from the signed data and its kind; a repeated delivery has the same name.

    Notifications of one event may share `x-request-id`; Mercado Pago signs a retry with another one and another time.
    The kind is not signed, and the id is signed in lower case or as sent. So a delivery that is replayed under other
    kinds and cases has at most as many names as there are kinds.
    """
    kind = notification.kind.lower()
    known = kind if kind in KINDS else "another kind"
    return f"{known}\n{notification.resource_id.lower()}\n{signature.request_id}\n{signature.ts}"


def verify(
    notification: Notification, signature: Signature | Literal["missing", "malformed"], *, secret: str, now: datetime
) -> Verdict:
    """Verify a notification by the result of `read_signature`; only `verified` is trustworthy.

    `ts` is in seconds or milliseconds and enters the manifest as sent. An id with upper-case letters is tried as sent
    and in lower case, because Mercado Pago's documentation and its SDKs disagree.
    """
    if not notification.is_signed_format:
        return "unverifiable"
    if not isinstance(signature, Signature):
        return signature
    ts, request_id = signature.ts, signature.request_id
    matches = [
        hmac.compare_digest(_sign(secret, manifest(data_id=data_id, request_id=request_id, ts=ts)), signature.v1)
        for data_id in {notification.resource_id, notification.resource_id.lower()}
    ]
    if not any(matches):
        return "mismatched"
    seconds = int(ts) / 1000 if int(ts) >= MILLISECONDS_FROM else int(ts)
    return "verified" if abs(now.timestamp() - seconds) <= TOLERANCE_S else "outdated"


def _sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()
