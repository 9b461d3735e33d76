"""Webhooks in: store, judge, answer; what a delivery says is never believed, only looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from contracts.api import WebhookAccepted
from contracts.subjects import MERCHANT_SLUG, webhooks_subject
from contracts.telemetry import WebhookReceived
from extrato.domain.errors import Refused
from extrato.providers.mercado_pago_webhook import Verdict, read_notification, verify
from extrato.store.inbox import Delivery
from services.gateway.http.answers import json_answer
from services.gateway.http.context import CORRELATION, Gateway, gateway_of
from services.gateway.http.door import read_body
from services.gateway.http.limits import address_of
from services.gateway.http.values import single
from services.gateway.metrics import WEBHOOKS

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.providers.mercado_pago_webhook import Notification

PROVIDER: Final = "mercado_pago"
KEPT_UNVERIFIED_BYTES: Final = 2048
REFUSED_VERDICTS: Final = frozenset({"missing", "malformed", "mismatched", "outdated"})
SIGNING: Final = ("x-signature", "x-request-id")
PARAMETERS: Final = ("data.id", "type", "id", "topic")
KEPT_HEADERS: Final = ("x-signature", "x-request-id", "user-agent", "content-type", "x-retry")


async def answer_test(request: web.Request) -> web.Response:
    """`GET /webhooks/mercadopago/{merchant}/`: say yes to a test of Mercado Pago's panel, and do nothing."""
    del request
    return json_answer(WebhookAccepted(success=True))


async def receive_mercado_pago(request: web.Request) -> web.Response:
    """`POST /webhooks/mercadopago/{merchant}/`: take a notification for one merchant.

    The raw delivery is durable before it is answered; the provider is asked afterwards. One that names nobody and
    carries no signature is answered, for Mercado Pago repeats what it is refused, and forgotten.
    """
    gateway = gateway_of(request)
    query = {name: value for name in PARAMETERS if (value := single(request.query, name)) is not None}
    raw = await read_body(request)
    notification = read_notification(query, raw)
    if notification is None:
        raise Refused("invalid_notification", "Isto não é uma notificação do Mercado Pago", "body")
    # Whose account it is costs a question to the database, which a stranger must not ask for every name there may be.
    limits, address = gateway.limits, address_of(request)
    named = f"webhooks {request.match_info.get('merchant') or notification.account_id}"
    limits.allow_attempt(address, named)
    merchant, verdict = await _judge(gateway, request, notification)
    if merchant is None and "merchant" not in request.match_info and not notification.is_signed_format:
        WEBHOOKS.labels("unverifiable").inc()
        return json_answer(WebhookAccepted(success=True))
    if merchant is None:
        limits.failed(address)
        raise Refused("unknown_merchant", "Não há loja conectada neste endereço", "merchant")
    limits.succeeded(named)
    delivery = Delivery(
        delivery_id=gateway.hub.new_uuid(),
        merchant=merchant,
        provider=PROVIDER,
        kind=notification.kind,
        resource_id=notification.resource_id,
        verdict=verdict,
        raw=_raw(request, raw if verdict == "verified" else raw[:KEPT_UNVERIFIED_BYTES]),
        correlation_id=request[CORRELATION],
        received_at=gateway.hub.now(),
    )
    # Anybody can send what cannot be verified; enough of it is kept to see what happened, and no more.
    if verdict == "verified" or gateway.unverified.take():
        await gateway.hub.inbox.store(delivery)
    WEBHOOKS.labels(verdict).inc()
    if verdict in REFUSED_VERDICTS:
        raise Refused("invalid_signature", "A assinatura da notificação não confere", "x-signature")
    if verdict == "verified":
        gateway.workers.offer(delivery)
        await _tell(gateway, delivery)
    return json_answer(WebhookAccepted(success=True))


async def _judge(gateway: Gateway, request: web.Request, notification: Notification) -> tuple[str | None, Verdict]:
    """Find the merchant and verify the signature with its secret.

    Without a merchant in the path, those who use the account that the body names are tried.
    """
    signature, request_id = (single(request.headers, name) for name in SIGNING)
    slug = request.match_info.get("merchant")
    if slug is not None:
        candidates = [slug] if MERCHANT_SLUG.fullmatch(slug) else []
    elif notification.account_id is not None:
        candidates = await gateway.hub.vault.merchants_of(PROVIDER, notification.account_id)
    else:
        candidates = []
    first: tuple[str | None, Verdict] = (None, "missing")
    for merchant in candidates:
        credential = await gateway.hub.vault.get(merchant, PROVIDER)
        if credential is None:
            continue
        verdict = verify(
            notification,
            signature=signature,
            request_id=request_id,
            secret=credential.webhook_secret,
            now=gateway.hub.now(),
        )
        if verdict == "verified":
            return merchant, verdict
        first = first if first[0] else (merchant, verdict)
    return first


def _raw(request: web.Request, body: bytes) -> bytes:
    """Keep what proves a delivery: its address, the headers that matter, and its body as text."""
    kept = {name: ", ".join(request.headers.getall(name)) for name in KEPT_HEADERS if name in request.headers}
    return msgspec.json.encode(
        {
            "path": request.raw_path,
            "headers": {name: value.encode(errors="replace").decode() for name, value in kept.items()},
            "body": body.decode("utf-8", errors="replace"),
        }
    )


async def _tell(gateway: Gateway, delivery: Delivery) -> None:
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
