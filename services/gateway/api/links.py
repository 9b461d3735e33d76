"""Payment links and their monitoring, in the reference system's routes and shapes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from contracts.api import LinkCreated, PaymentList, Timeline, TimelineItem
from contracts.events import ChargeCreated
from contracts.subjects import checks_subject
from contracts.telemetry import PaymentChecked
from extrato.domain import payment as domain
from extrato.domain.errors import Refused
from extrato.domain.merchant import price_order
from extrato.domain.money import to_reais
from extrato.errors import (
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
)
from extrato.use_cases.open_payment import NewPayment, open_payment
from extrato.use_cases.refresh_payment import refresh_payment
from services.gateway import lookup
from services.gateway.api import queries
from services.gateway.api.views import describe, listed, moment, payment_status, priced
from services.gateway.http import fields
from services.gateway.http.answers import json_answer
from services.gateway.http.context import caller_of, cause_of, gateway_of
from services.gateway.http.door import json_object

if TYPE_CHECKING:
    from aiohttp import web


LIFETIME: Final = timedelta(hours=24)
DEFAULT_LIMIT: Final = 50
PROVIDER_FAILED: Final = (ProviderUnavailable, ProviderRefused, ProviderMisunderstood, ProviderNotConnected)


async def generate_link(request: web.Request) -> web.Response:
    """`POST /payments/api/generate-link/`: a Checkout Pro link for an order."""
    gateway = gateway_of(request)
    body, raw = await json_object(request)
    merchant = await lookup.find_padaria(request, fields.text(body, "padaria_slug", maximum=64))
    items = price_order(fields.lines(body), merchant)
    total_centavos = sum(item.quantity * item.unit_price_centavos for item in items)
    if total_centavos > fields.MAX_VALUE_CENTAVOS:
        raise Refused("amount_too_large", "O total do pedido passa do limite", "items")
    title = fields.text(body, "title", maximum=120) or f"Pedido {merchant.name}"
    if "mercado_pago" not in merchant.connections:
        raise Refused("provider_not_connected", "Mercado Pago não configurado para esta padaria", merchant.slug)
    wanted = NewPayment(
        provider="mercado_pago",
        amount_centavos=total_centavos,
        title=title,
        description=fields.text(body, "description") or describe(items),
        items=items,
        payer_email=fields.email(body, "payer_email"),
        lifetime=fields.lifetime(body, "expires_in_minutes", default=LIFETIME),
    )
    key = fields.idempotency_key(request.headers, route="link", body=raw)
    loaded = await open_payment(
        gateway.hub, merchant, wanted, idempotency_key=key, cause=cause_of(request, actor="api_key")
    )
    intent, charge = loaded.payment.intent, loaded.payment.charge
    if not isinstance(charge, ChargeCreated):
        raise TypeError
    public_url, token = gateway.settings.public_url, gateway.tokens.make(loaded.payment_id)
    created = LinkCreated(
        success=True,
        payment_id=loaded.payment_id,
        preference_id=charge.charge_id,
        checkout_url=charge.checkout_url or "",
        secure_checkout_url=f"{public_url}/payments/mp/pay/{loaded.payment_id}/?t={token}",
        status_check_url=f"{public_url}/payments/api/check/{loaded.payment_id}/?t={token}",
        sandbox_url=charge.sandbox_url,
        title=intent.title,
        total=to_reais(intent.amount_centavos),
        items=priced(intent.items),
        description=intent.description,
        status="pending",
        external_reference=intent.external_reference,
        created_at=moment(loaded.opened_at),
    )
    return json_answer(created)


async def check_payment(request: web.Request) -> web.Response:
    """`GET|POST /payments/api/check/{payment_id}/`: ask the provider, then tell how the payment stands.

    When the provider does not answer, what is known is told with `synced` false.
    """
    gateway = gateway_of(request)
    loaded = await lookup.find_payment(request)
    cause = cause_of(request, actor="check")
    synced_at, changed = None, False
    try:
        decided = await refresh_payment(gateway.hub, loaded.payment_id, cause=cause)
    except PROVIDER_FAILED:
        pass
    else:
        changed = decided.after.payment.status != decided.before.payment.status
        loaded, synced_at = decided.after, gateway.hub.now()
    merchant = await gateway.merchants.find(loaded.merchant)
    status = payment_status(
        loaded,
        padaria_name=merchant.name if merchant else loaded.merchant,
        synced_at=synced_at,
        changed=changed,
        is_payer=caller_of(request).is_payer,
    )
    fact = PaymentChecked(
        payment_id=loaded.payment_id,
        actor="check",
        checked_at=gateway.hub.now(),
        status=loaded.payment.status,
        changed=changed,
    )
    await gateway.hub.telemetry.publish(
        checks_subject(loaded.merchant), fact, at=fact.checked_at, correlation_id=cause.correlation_id
    )
    return json_answer(status)


async def list_pending(request: web.Request) -> web.Response:
    """`GET /payments/api/pending/`: a merchant's payments of one status, the newest first."""
    gateway = gateway_of(request)
    slug = request.query.get("padaria_slug", "").strip() or None
    if slug is None:
        raise Refused("missing_padaria_slug", "O parâmetro 'padaria_slug' é obrigatório", "padaria_slug")
    merchant = await lookup.find_padaria(request, slug)
    status = request.query.get("status", "pending").strip() or "pending"
    if not status.isascii() or not status.replace("_", "").isalpha() or len(status) > 40:
        raise Refused("invalid_status", "O parâmetro 'status' deve ser um status ou 'all'", "status")
    limit = fields.limit(request.query, default=DEFAULT_LIMIT)
    found = await queries.payments_of(gateway.pool, merchant.slug, status=status, limit=limit)
    body = PaymentList(
        success=True,
        padaria=merchant.name,
        count=len(found),
        status_filter=status,
        payments=[listed(details) for details in found],
    )
    return json_answer(body)


async def show_events(request: web.Request) -> web.Response:
    """`GET /payments/api/{payment_id}/events/`: the payment's stream, told whole."""
    loaded = await lookup.find_payment(request)
    history = await gateway_of(request).hub.log.read_stream(domain.stream_id(loaded.payment_id))
    events = [
        TimelineItem(
            position=envelope.position,
            version=envelope.version,
            type=type(envelope.event).__name__,
            time=envelope.occurred_at,
            recorded_at=envelope.recorded_at,
            event_id=str(envelope.event_id),
            source=envelope.cause.actor,
            source_id=envelope.cause.actor_id,
            correlation_id=envelope.cause.correlation_id,
            causation_id=envelope.cause.causation_id,
            data=envelope.event,
        )
        for envelope in history
    ]
    return json_answer(Timeline(success=True, payment_id=loaded.payment_id, count=len(events), events=events))
