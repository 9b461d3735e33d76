"""Reads and verifies Mercado Pago's notifications, in every format that it sends.

Source: Mercado Pago's Webhooks documentation and official SDKs. The signature is an HMAC-SHA256 over
`id:{data.id};request-id:{x-request-id};ts:{ts};`, where a part whose value is missing is left out.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final, Literal

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
    """Read a notification; the id is taken from the query, which is what is signed. None when it is none."""
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
    kind = query.get("type") or content.get("type")
    data = content.get("data")
    resource_id = query.get("data.id") or _written_id(data.get("id") if isinstance(data, dict) else None)
    return _notification(kind, resource_id, account_id, is_signed_format=True)


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


def verify(
    *,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    notification: Notification,
    secret: str,
    now: datetime,
) -> Verdict:
    """Judge a delivery's `x-signature`; only `verified` may be believed.

    `ts` comes in seconds or in milliseconds and goes into the manifest as it was written. An id with upper-case
    letters is tried as it is and in lower case, for Mercado Pago's documentation and its SDKs disagree.
    """
    if not notification.is_signed_format:
        return "unverifiable"
    signature = headers.get("x-signature")
    if not signature:
        return "missing"
    parts = _parts(signature)
    ts, given = parts.get("ts", ""), parts.get("v1", "").lower()
    if not SIGNED_TIME.fullmatch(ts) or not HASH.fullmatch(given):
        return "malformed"
    data_id = query.get("data.id")
    request_id = headers.get("x-request-id")
    candidates = {data_id, data_id.lower()} if data_id else {None}
    matches = [
        hmac.compare_digest(_sign(secret, manifest(data_id=candidate, request_id=request_id, ts=ts)), given)
        for candidate in candidates
    ]
    if not any(matches):
        return "mismatched"
    seconds = int(ts) / 1000 if int(ts) >= MILLISECONDS_FROM else int(ts)
    return "verified" if abs(now.timestamp() - seconds) <= TOLERANCE_S else "outdated"


def _parts(signature: str) -> dict[str, str]:
    """Take `x-signature` apart as the SDKs do: in any order, and with room for versions to come."""
    labelled = (part.partition("=") for part in signature.split(","))
    return {label.strip().lower(): value.strip() for label, _, value in labelled if value.strip()}


def _sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()
