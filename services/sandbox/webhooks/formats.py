"""The formats of webhooks: addresses, bodies and headers.

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

# The topic of each format in the query, the body and the user agent. Captured webhooks of orders have `order` in all
# three; others had the user agent `payments_via_orders` and `type=payment`.
_TOPICS: dict[Format, str] = {
    "webhook": "payment",
    "order": "order",
    "chargeback": "topic_chargebacks_wh",
    "feed_payment": "payment",
    "feed_merchant_order": "merchant_order",
}


class QueuedWebhook(msgspec.Struct, frozen=True, kw_only=True, rename={"webhook_id": "notice_id"}):
    """A webhook that is not acknowledged; `attempt` counts the failed ones, `data` is that of `Webhook`."""

    webhook_id: int
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
    """How to sign a webhook: with order ids in lower case (the docs) or as they are, and the unit of `ts`."""

    secret: str
    lower_case_ids: bool = True
    ts_in_ms: bool = False


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request, ready to send."""

    url: URL
    headers: dict[str, str]
    body: dict[str, Any]


def webhook_request(
    webhook: QueuedWebhook, *, application_id: str, signing: Signing, hook_id: int, sent_ms: int, timeout_s: float
) -> WebhookRequest:
    """Build the request of one attempt, with a new request id and signature.

    IPN webhooks cannot be verified: real ones carry an `x-signature` that matches no secret of the merchant.
    """
    request_id = str(uuid.uuid4())
    resource = str(webhook.resource_id)
    topic = _TOPICS[webhook.format]
    is_feed = webhook.format.startswith("feed")
    return WebhookRequest(
        url=_address(webhook.url, _query(webhook, resource, topic)),
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"MercadoPago {'Feed v2.0' if is_feed else 'WebHook v1.0'} {topic}",
            "X-Request-Id": request_id,
            "X-Retry": str(webhook.attempt),
            "X-Socket-Timeout": str(round(timeout_s * 1000)),
            "X-Signature": signature_header(
                secret=secrets.token_hex(32) if is_feed else signing.secret,
                data_id=resource.lower() if signing.lower_case_ids else resource,
                request_id=request_id,
                ts=str(sent_ms if signing.ts_in_ms else sent_ms // 1000),
            ),
        },
        body=_body(webhook, application_id=application_id, hook_id=hook_id),
    )


def _query(webhook: QueuedWebhook, resource: str, topic: str) -> dict[str, str]:
    """Return the query parameters; those of an order contain the merchant's reference too, as captured."""
    if webhook.format.startswith("feed"):
        return {"id": resource, "topic": topic}
    if webhook.format == "order":
        return {"data.external_reference": webhook.data["external_reference"], "data.id": resource, "type": topic}
    return {"data.id": resource, "type": topic}


def _address(notification_url: str, added: dict[str, str]) -> URL:
    """Merge parameters into the address's own query, sorted by name, as captured."""
    url = URL(notification_url)
    return url.with_query(sorted([*url.query.items(), *added.items()]))


def _body(webhook: QueuedWebhook, *, application_id: str, hook_id: int) -> dict[str, Any]:
    topic, resource = _TOPICS[webhook.format], str(webhook.resource_id)
    if webhook.format == "feed_payment":
        return {"resource": resource, "topic": topic}
    if webhook.format == "feed_merchant_order":
        return {"resource": f"https://api.mercadolibre.com/merchant_orders/{resource}", "topic": topic}
    frame = {
        "api_version": "v1",
        "date_created": hook_instant(webhook.event_ms),
        "live_mode": True,
        "type": topic,
        "user_id": str(webhook.collector_id),
    }
    if webhook.format == "webhook":
        return {"action": f"payment.{webhook.action}", **frame, "data": {"id": resource}, "id": hook_id}
    if webhook.format == "order":
        return {"action": f"order.{webhook.action}", **frame, "data": webhook.data, "application_id": application_id}
    return {
        "actions": [webhook.action],
        **frame,
        "data": webhook.data,
        "id": hook_id,
        "application_id": application_id,
    }
