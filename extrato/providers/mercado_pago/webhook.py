"""Reads and verifies Mercado Pago's notifications, in every format that it sends.

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

# A retry is signed anew, so a delivery that is older than this is a replay.
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
# The bodies of these have `data` without an id.
NAMED_BY_ID: Final = frozenset({"topic_merchant_order_wh", "merchant_order"})

Verdict = Literal["verified", "missing", "malformed", "mismatched", "outdated", "unverifiable"]


class Notification(Struct, frozen=True, kw_only=True):
    """What a notification is about; `account_id` is the provider's name of the merchant, where it says one.

    `is_signed_format` tells the Webhooks format, whose signature can be verified, from the older IPN formats.
    """

    kind: str
    resource_id: str
    account_id: str | None
    is_signed_format: bool


def read_notification(query: Mapping[str, str], body: bytes) -> Notification | None:
    """Read a notification; None when it is none, or when its body contradicts its address.

    The signature covers `data.id` of the query and nothing of the body, so the Webhooks format needs that id. What
    comes without it, such as a test of the provider's panel that has only a body, counts as an IPN.
    """
    try:
        content = msgspec.json.decode(body) if body else {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    user_id = _written_id(content.get("user_id"))
    account_id = user_id if user_id and RESOURCE_ID.fullmatch(user_id) else None
    if "topic" in query:
        return _notification(query["topic"], query.get("id"), account_id, is_signed_format=False)
    data_id = query.get("data.id")
    if not data_id:
        kind = query.get("type") or content.get("type") or content.get("topic")
        return _notification(kind, query.get("id") or _named_by(content), account_id, is_signed_format=False)
    notification = _notification(query.get("type") or content.get("type"), data_id, account_id, is_signed_format=True)
    return notification if notification is not None and _agrees(content, notification) else None


def _named_by(content: dict[str, Any]) -> str | None:
    """Give the id of the thing that a body is about; an IPN names it by its address."""
    data, resource = content.get("data"), content.get("resource")
    if isinstance(data, dict) and data.get("id") is not None:
        return _written_id(data["id"])
    return resource.rpartition("/")[2] if isinstance(resource, str) else _written_id(content.get("id"))


def _agrees(content: dict[str, Any], notification: Notification) -> bool:
    """Say whether a body names the kind and the id of its address, as far as it names them.

    A body's own `id` is the notification's, but a merchant order has it in place of `data.id`.
    """
    data = content.get("data")
    named = data.get("id") if isinstance(data, dict) else None
    if named is None and notification.kind.lower() in NAMED_BY_ID:
        named = content.get("id")
    pairs = ((content.get("type"), notification.kind), (named, notification.resource_id))
    return all(said is None or (_written_id(said) or "").lower() == known.lower() for said, known in pairs)


def _written_id(value: object) -> str | None:
    """Take an id that comes as a text or as a number; true and false are none."""
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
    """Write the text that is signed."""
    parts = (("id", data_id), ("request-id", request_id), ("ts", ts))
    return "".join(f"{label}:{value};" for label, value in parts if value)


class Signature(Struct, frozen=True, kw_only=True):
    """What a delivery's headers prove it by: the time as it was written, the HMAC in hex, and the signed request id."""

    ts: str
    v1: str
    request_id: str


def read_signature(header: str | None, request_id: str | None) -> Signature | Literal["missing", "malformed"]:
    """Take `x-signature` apart as the SDKs do: in any order, and with room for versions to come."""
    if not header:
        return "missing"
    labelled = (part.partition("=") for part in header.split(","))
    parts = {label.strip().lower(): value.strip() for label, _, value in labelled if value.strip()}
    ts, v1 = parts.get("ts", ""), parts.get("v1", "").lower()
    if not SIGNED_TIME.fullmatch(ts) or not HASH.fullmatch(v1):
        return "malformed"
    return Signature(ts=ts, v1=v1, request_id=request_id or "")


def name_of_delivery(notification: Notification, signature: Signature) -> str:
    """Name a delivery by what is signed, and by its kind, so that a repeat has the same name.

    Notices of one event may share `x-request-id`; Mercado Pago signs a retry with another one and another time. The
    kind is not signed, and letters of an id are signed in lower case or as they are: a delivery that is repeated under
    other kinds and cases has no more names than there are kinds.
    """
    kind = notification.kind.lower()
    known = kind if kind in KINDS else "another kind"
    return f"{known}\n{notification.resource_id.lower()}\n{signature.request_id}\n{signature.ts}"


def verify(
    notification: Notification, signature: Signature | Literal["missing", "malformed"], *, secret: str, now: datetime
) -> Verdict:
    """Judge a notification by what `read_signature` gives; only `verified` may be believed.

    `ts` comes in seconds or in milliseconds and goes into the manifest as it was written. An id with upper-case
    letters is tried as it is and in lower case, for Mercado Pago's documentation and its SDKs disagree.
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
