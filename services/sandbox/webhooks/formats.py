"""What a webhook looks like: its formats, their addresses, bodies and headers.

Source: captured deliveries of 2025 and 2026, and mercadopago developer docs, "Webhooks" and "IPN".
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any, Literal

import msgspec
from yarl import URL

from services.sandbox.state.clock import hook_instant
from services.sandbox.webhooks.signature import signature_header

Format = Literal["webhook", "order", "chargeback", "feed_payment", "feed_merchant_order"]

# What each format is about, in the query, the body and the user agent. Captured deliveries of orders have `order` in
# all three; the user agent `payments_via_orders` was seen with `type=payment`.
_TOPICS: dict[Format, str] = {
    "webhook": "payment",
    "order": "order",
    "chargeback": "topic_chargebacks_wh",
    "feed_payment": "payment",
    "feed_merchant_order": "merchant_order",
}


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell one address, until it listens or the retries are used up; `data` as in its announcement."""

    notice_id: int
    collector_id: int
    url: str
    format: Format
    resource_id: int | str
    action: str
    data: dict[str, Any] = {}
    event_ms: int
    due_ms: int
    attempt: int = 0


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """How a delivery is signed: order ids in lower case as the docs say or as they are, and the unit of `ts`."""

    secret: str
    lower_case_ids: bool = True
    ts_in_ms: bool = False


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP call, ready to be sent."""

    url: URL
    headers: dict[str, str]
    body: dict[str, Any]


def delivery(
    notice: Notice, *, application_id: str, signing: Signing, hook_id: int, sent_ms: int, timeout_s: float
) -> Delivery:
    """Build one attempt, with a request id and a signature of its own.

    IPN notices cannot be verified: real ones carry an `x-signature` too, which verifies with no secret that a
    merchant has.
    """
    request_id = str(uuid.uuid4())
    resource = str(notice.resource_id)
    topic = _TOPICS[notice.format]
    is_feed = notice.format.startswith("feed")
    return Delivery(
        url=_address(notice.url, _query(notice, resource, topic)),
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"MercadoPago {'Feed v2.0' if is_feed else 'WebHook v1.0'} {topic}",
            "X-Request-Id": request_id,
            "X-Retry": str(notice.attempt),
            "X-Socket-Timeout": str(round(timeout_s * 1000)),
            "X-Signature": signature_header(
                secret=secrets.token_hex(32) if is_feed else signing.secret,
                data_id=resource.lower() if signing.lower_case_ids else resource,
                request_id=request_id,
                ts=str(sent_ms if signing.ts_in_ms else sent_ms // 1000),
            ),
        },
        body=_body(notice, application_id=application_id, hook_id=hook_id),
    )


def _query(notice: Notice, resource: str, topic: str) -> dict[str, str]:
    """Tell what the notice is about; the address of an order's names the merchant's reference too, as was seen."""
    if notice.format.startswith("feed"):
        return {"id": resource, "topic": topic}
    if notice.format == "order":
        return {"data.external_reference": notice.data["external_reference"], "data.id": resource, "type": topic}
    return {"data.id": resource, "type": topic}


def _address(notification_url: str, added: dict[str, str]) -> URL:
    """Merge what is added into the address's own query, in the order of the names, as was seen."""
    url = URL(notification_url)
    return url.with_query(sorted([*url.query.items(), *added.items()]))


def _body(notice: Notice, *, application_id: str, hook_id: int) -> dict[str, Any]:
    topic, resource = _TOPICS[notice.format], str(notice.resource_id)
    if notice.format == "feed_payment":
        return {"resource": resource, "topic": topic}
    if notice.format == "feed_merchant_order":
        return {"resource": f"https://api.mercadolibre.com/merchant_orders/{resource}", "topic": topic}
    frame = {
        "api_version": "v1",
        "date_created": hook_instant(notice.event_ms),
        "live_mode": True,
        "type": topic,
        "user_id": str(notice.collector_id),
    }
    if notice.format == "webhook":
        return {"action": f"payment.{notice.action}", **frame, "data": {"id": resource}, "id": hook_id}
    if notice.format == "order":
        return {"action": f"order.{notice.action}", **frame, "data": notice.data, "application_id": application_id}
    return {
        "actions": [notice.action],
        **frame,
        "data": notice.data,
        "id": hook_id,
        "application_id": application_id,
    }
