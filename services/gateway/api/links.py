"""Payment links and their status, with the routes and bodies of the reference system."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from contracts.api import LinkCreated, LinkCreation, PaymentList, Timeline, TimelineItem
from contracts.providers import MERCADO_PAGO
from extrato.domain.errors import Refused
from extrato.domain.money import to_reais
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.values import Payer
from services.gateway import access
from services.gateway.api import queries
from services.gateway.api.order_lines import read_order, read_order_body
from services.gateway.api.response_bodies import listed, local_time, payment_status, priced
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of, cause_of
from services.gateway.http.responses import json_response
from services.gateway.http.values import single
from services.gateway.payer_links import payer_links_of, payment_page
from services.gateway.payers_in_events import payers_in, show_payer

if TYPE_CHECKING:
    from aiohttp import web


LIFETIME_MINUTES: Final = 24 * 60
DEFAULT_LIMIT: Final = 50


async def generate_link(request: web.Request) -> web.Response:
    """`POST /payments/api/generate-link/`: create a Checkout Pro link for an order."""
    gateway = gateway_of(request)
    body, merchant, raw = await read_order_body(request, LinkCreation)
    order = read_order(body, merchant, caller_of(request))
    wanted = NewPayment(
        provider=MERCADO_PAGO,
        method="checkout",
        amount_centavos=order.total_centavos,
        title=order.title,
        description=order.description,
        items=order.items,
        payer=Payer(email=body.payer_email),
        lifetime=timedelta(minutes=body.expires_in_minutes or LIFETIME_MINUTES),
    )
    key = fields.idempotency_key(request.headers, route="link", body=raw)
    created = await create_payment(
        gateway.hub, merchant, wanted, idempotency_key=key, cause=cause_of(request, actor="api_key")
    )
    loaded = created.loaded
    intent, charge = loaded.payment.intent, loaded.payment.charge
    links = payer_links_of(gateway, loaded)
    answer = LinkCreated(
        success=True,
        payment_id=loaded.payment_id,
        preference_id=charge.charge_id,
        checkout_url=charge.checkout_url or "",
        secure_checkout_url=links.checkout,
        status_check_url=links.check,
        sandbox_url=charge.sandbox_url,
        title=intent.title,
        total=to_reais(intent.amount_centavos),
        items=priced(intent.items),
        description=intent.description,
        status="pending",
        external_reference=intent.external_reference,
        created_at=local_time(loaded.opened_at),
        payment_page=payment_page(links, method=intent.method),
    )
    return json_response(answer)


async def check_payment(request: web.Request) -> web.Response:
    """`GET|POST /payments/api/check/{payment_id}/`: ask the provider, then return the payment's status.

    When no provider answers, the response has the recorded status and `synced` false.
    """
    gateway = gateway_of(request)
    loaded = await access.find_payment(request)
    cause, is_payer = cause_of(request, actor="check"), caller_of(request).is_payer
    checked = await gateway.provider_checks.check(loaded, cause=cause, purpose="payer" if is_payer else "check")
    loaded = checked.loaded
    merchant = await gateway.merchants.find(loaded.merchant)
    is_payer = caller_of(request).is_payer
    sealed = None if is_payer else loaded.payment.payer_email
    status = payment_status(
        loaded,
        padaria_name=merchant.name if merchant else loaded.merchant,
        payer_email=await gateway.hub.personal_data.open(loaded.payment_id, sealed),
        synced_at=checked.synced_at,
        changed=checked.changed,
        is_payer=is_payer,
    )
    return json_response(status)


async def list_pending(request: web.Request) -> web.Response:
    """`GET /payments/api/pending/`: list a merchant's payments of one status, the newest first."""
    gateway = gateway_of(request)
    slug = (single(request.query, "padaria_slug") or "").strip() or None
    if slug is None:
        raise Refused("missing_padaria_slug", "padaria_slug", why="parameter")
    merchant = await access.find_padaria(request, slug)
    status = (single(request.query, "status") or "").strip().lower() or "pending"
    if not status.isascii() or not status.replace("_", "").isalpha() or len(status) > 40:
        raise Refused("invalid_status", "status")
    limit = fields.limit(request.query, default=DEFAULT_LIMIT)
    found = await queries.payments_of(gateway.pool, merchant.slug, status=status, limit=limit)
    emails = await gateway.hub.personal_data.open_all([(each.payment_id, each.payer_email) for each in found])
    body = PaymentList(
        success=True,
        padaria=merchant.name,
        count=len(found),
        status_filter=status,
        payments=[listed(details, payer_email=email) for details, email in zip(found, emails, strict=True)],
    )
    return json_response(body)


async def show_events(request: web.Request) -> web.Response:
    """`GET /payments/api/{payment_id}/events/`: list all events of the payment's stream, with the payer's data."""
    payment_id, history = await access.find_history(request)
    payers = await payers_in(gateway_of(request).hub.personal_data, payment_id, history)
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
            data=show_payer(envelope.event, payers),
        )
        for envelope in history
    ]
    return json_response(Timeline(success=True, payment_id=payment_id, count=len(events), events=events))
