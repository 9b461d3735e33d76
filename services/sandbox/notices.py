"""What a webhook looks like: its three formats, their addresses, bodies and headers.

Source: captured deliveries of 2025 and 2026, and mercadopago developer docs, "Webhooks" and "IPN".
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any, Literal

import msgspec
from yarl import URL

from services.sandbox.clock import hook_instant
from services.sandbox.signature import signature_header

Format = Literal["webhook", "feed_payment", "feed_merchant_order"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell one address, until it listens or the retries are used up."""

    notice_id: int
    collector_id: int
    url: str
    format: Format
    resource_id: int
    action: str
    event_ms: int
    due_ms: int
    attempt: int = 0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP call, ready to be sent."""

    url: URL
    headers: dict[str, str]
    body: dict[str, Any]


def wanted_formats(notification_url: str, *, has_order: bool) -> tuple[Format, ...]:
    """Return the formats that this address asks for by `source_news`; all that apply when it does not ask."""
    source_news = URL(notification_url).query.get("source_news")
    formats: tuple[Format, ...] = ("webhook", "feed_payment")
    if has_order:
        formats += ("feed_merchant_order",)
    if source_news == "webhooks":
        return ("webhook",)
    return formats[1:] if source_news == "ipn" else formats


def delivery(notice: Notice, *, secret: str, hook_id: int, sent_ms: int, timeout_s: float) -> Delivery:
    """Build one attempt, with a request id and a signature of its own.

    Only the first format can be verified; real IPN notices carry an `x-signature` too, which verifies with no
    secret that a merchant has.
    """
    request_id = str(uuid.uuid4())
    resource = str(notice.resource_id)
    is_webhook = notice.format == "webhook"
    topic = "merchant_order" if notice.format == "feed_merchant_order" else "payment"
    return Delivery(
        url=_address(
            notice.url,
            {"data.id": resource, "type": topic} if is_webhook else {"id": resource, "topic": topic},
        ),
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"MercadoPago {'WebHook v1.0' if is_webhook else 'Feed v2.0'} {topic}",
            "X-Request-Id": request_id,
            "X-Retry": str(notice.attempt),
            "X-Socket-Timeout": str(round(timeout_s * 1000)),
            "X-Signature": signature_header(
                secret=secret if is_webhook else secrets.token_hex(32),
                data_id=resource,
                request_id=request_id,
                ts=str(sent_ms // 1000),
            ),
        },
        body=_webhook_body(notice, hook_id=hook_id) if is_webhook else _feed_body(resource, topic),
    )


def _address(notification_url: str, added: dict[str, str]) -> URL:
    """Merge what is added into the address's own query, in the order of the names, as was seen."""
    url = URL(notification_url)
    return url.with_query(sorted([*url.query.items(), *added.items()]))


def _webhook_body(notice: Notice, *, hook_id: int) -> dict[str, Any]:
    return {
        "action": f"payment.{notice.action}",
        "api_version": "v1",
        "data": {"id": str(notice.resource_id)},
        "date_created": hook_instant(notice.event_ms),
        "id": hook_id,
        "live_mode": True,
        "type": "payment",
        "user_id": str(notice.collector_id),
    }


def _feed_body(resource: str, topic: str) -> dict[str, Any]:
    if topic == "merchant_order":
        resource = f"https://api.mercadolibre.com/merchant_orders/{resource}"
    return {"resource": resource, "topic": topic}
