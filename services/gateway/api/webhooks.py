"""Incoming webhooks: verify, store, answer. The hub then asks the provider, and never trusts their content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from contracts.api import WebhookAccepted
from contracts.providers import MERCADO_PAGO
from contracts.subjects import MERCHANT_SLUG, webhooks_subject
from contracts.telemetry import WebhookReceived
from extrato.domain.errors import Refused
from extrato.identifiers import named_uuid
from extrato.providers.mercado_pago.webhook import (
    Notification,
    Signature,
    Verdict,
    delivery_name,
    read_notification,
    read_signature,
    verify,
)
from extrato.store.inbox import Delivery
from extrato.store.webhook_health import REFUSED_VERDICTS
from services.gateway.api.webhook_record import MAX_UNVERIFIED_BYTES, MAX_VERIFIED_BYTES, record_of
from services.gateway.gateway import Gateway, client_address, gateway_of
from services.gateway.http.caller import CORRELATION_ID
from services.gateway.http.responses import json_response
from services.gateway.http.values import single
from services.gateway.metrics import WEBHOOKS
from services.gateway.request_body import read_body

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web

SIGNING: Final = ("x-signature", "x-request-id")
PARAMETERS: Final = ("data.id", "type", "id", "topic")


async def answer_test(request: web.Request) -> web.Response:
    """`GET /webhooks/mercadopago/{merchant}/`: answer 200 to a test of Mercado Pago's panel."""
    del request
    return json_response(WebhookAccepted(success=True))


async def receive_mercado_pago(request: web.Request) -> web.Response:
    """`POST /webhooks/mercadopago/{merchant}/`: receive a notification for one merchant.

    The raw delivery is stored before the answer; the provider is asked afterwards. A delivery without a known merchant
    and without a signature is answered 200 and dropped, because Mercado Pago repeats rejected ones.
    """
    gateway = gateway_of(request)
    query = {name: value for name in PARAMETERS if (value := single(request.query, name)) is not None}
    body = await read_body(request)
    notification = read_notification(query, body)
    if notification is None:
        raise Refused("invalid_notification", "body")
    # Finding the account's merchant reads the database, so that strangers may try few names.
    limiter, address = gateway.rate_limiter, client_address(request)
    named = f"webhooks {request.match_info.get('merchant') or notification.account_id}"
    limiter.admit_attempt(address, named)
    signature = read_signature(*(single(request.headers, name) for name in SIGNING))
    merchant, verdict = await _verdict_on(gateway, request.match_info.get("merchant"), notification, signature)
    if merchant is None and "merchant" not in request.match_info and not notification.is_signed_format:
        WEBHOOKS.labels("unverifiable").inc()
        return json_response(WebhookAccepted(success=True))
    if merchant is None:
        limiter.record_failure(address)
        raise Refused("unknown_merchant", "merchant", why="not_connected")
    limiter.record_success(named)
    if verdict == "verified" and isinstance(signature, Signature):
        await _store_verified(request, merchant, notification, signature, body)
        return json_response(WebhookAccepted(success=True))
    # Any client can send it. The hub stores enough of it for a later diagnosis.
    if gateway.webhook_budgets.of(merchant).unverified.take():
        delivery_id = gateway.hub.new_uuid()
        record = record_of(request, body, delivery_id=delivery_id, maximum=MAX_UNVERIFIED_BYTES)
        await gateway.hub.inbox.store(_delivery(request, merchant, notification, verdict, delivery_id, record))
    WEBHOOKS.labels(verdict).inc()
    if verdict in REFUSED_VERDICTS:
        raise Refused("invalid_signature", "x-signature")
    return json_response(WebhookAccepted(success=True))


async def _store_verified(
    request: web.Request, merchant: str, notification: Notification, signature: Signature, body: bytes
) -> None:
    """Store a verified delivery and queue it; its body is not stored when the merchant's budget is used up."""
    gateway = gateway_of(request)
    budget, delivery_id = (
        gateway.webhook_budgets.of(merchant),
        named_uuid(f"{merchant}\n{MERCADO_PAGO}\n{delivery_name(notification, signature)}"),
    )
    kept = body if budget.body_bytes.take(min(len(body), MAX_VERIFIED_BYTES)) else None
    record = record_of(request, kept, delivery_id=delivery_id, maximum=MAX_VERIFIED_BYTES)
    delivery = _delivery(request, merchant, notification, "verified", delivery_id, record)
    if await gateway.hub.inbox.store(delivery):
        WEBHOOKS.labels("verified").inc()
        gateway.webhook_workers.offer(delivery)
        await _publish_receipt(gateway, delivery)
        return
    WEBHOOKS.labels("repeated").inc()
    # Two notices of one second may report two changes, and the first call may have come between them.
    if budget.repeats.take():
        gateway.webhook_workers.offer(delivery)


def _delivery(
    request: web.Request,
    merchant: str,
    notification: Notification,
    verdict: Verdict,
    delivery_id: UUID,
    record: bytes,
) -> Delivery:
    return Delivery(
        delivery_id=delivery_id,
        merchant=merchant,
        provider=MERCADO_PAGO,
        kind=notification.kind,
        resource_id=notification.resource_id,
        verdict=verdict,
        raw=record,
        correlation_id=request[CORRELATION_ID],
        received_at=gateway_of(request).hub.now(),
    )


async def _verdict_on(
    gateway: Gateway,
    slug: str | None,
    notification: Notification,
    signature: Signature | Literal["missing", "malformed"],
) -> tuple[str | None, Verdict]:
    """Return the merchant and the verdict on the signature, verified with the merchant's secret.

    Without a merchant in the path, each merchant with the account that the body names is tried.
    """
    if slug is not None:
        candidates = [slug] if MERCHANT_SLUG.fullmatch(slug) else []
    elif notification.account_id is not None:
        candidates = await gateway.hub.vault.merchants_of(MERCADO_PAGO, notification.account_id)
    else:
        candidates = []
    first: tuple[str | None, Verdict] = (None, "missing")
    for merchant in candidates:
        credential = await gateway.hub.vault.get(merchant, MERCADO_PAGO)
        if credential is None:
            continue
        verdict = verify(notification, signature, secret=credential.webhook_secret, now=gateway.hub.now())
        if verdict == "verified":
            return merchant, verdict
        first = first if first[0] else (merchant, verdict)
    return first


async def _publish_receipt(gateway: Gateway, delivery: Delivery) -> None:
    fact = WebhookReceived(
        delivery_id=str(delivery.delivery_id),
        provider=delivery.provider,
        kind=delivery.kind,
        resource_id=delivery.resource_id,
        received_at=delivery.received_at,
    )
    await gateway.hub.telemetry.publish(
        webhooks_subject(delivery.merchant),
        fact,
        at=delivery.received_at,
        correlation_id=delivery.correlation_id,
    )
