"""Direct Pix: create a charge, show its QR picture, record the bank's confirmation or return."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import web

from contracts.api import PixConfirmation, PixConfirmed, PixCreated, PixCreation, PixPayment, PixReturn, PixReturned
from contracts.events import Item
from contracts.providers import DIRECT_PIX
from extrato.domain.api_keys import ListedPricesOnly
from extrato.domain.errors import Refused
from extrato.domain.money import to_reais
from extrato.domain.payment.commands import RecordReturn
from extrato.domain.payment.identifiers import payment_id_in
from extrato.domain.payment.state import Charged
from extrato.errors import NotFound
from extrato.use_cases.confirm_payment import Transfer, confirm_payment
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.use_cases.payments import load_payment
from extrato.use_cases.record_return import record_return
from extrato.values import Payer
from services.gateway import access
from services.gateway.api.response_bodies import local_time
from services.gateway.gateway import Gateway, client_address, gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of, cause_of
from services.gateway.http.etags import has_already
from services.gateway.http.responses import json_response
from services.gateway.metrics import CONFIRMATIONS_REFUSED
from services.gateway.payer_links import payer_links_of, payment_page
from services.gateway.request_body import read_json

if TYPE_CHECKING:
    from extrato.domain.merchant import Registered
    from extrato.use_cases.payments import ChargedPayment
    from services.gateway.payer_links import PayerLinks

LIFETIME_MINUTES: Final = 30
PICTURE_PREFIX: Final = "qr_code_payment_"
DEMO_MERCHANT: Final = "padaria-do-marcos"


async def create_pix(request: web.Request) -> web.Response:
    """`POST /payments/pix`: create a Pix charge to the merchant's own key.

    The caller chooses the amount, so that a key with `listed_prices_only` may not call it.
    """
    gateway = gateway_of(request)
    if caller_of(request).listed_prices_only:
        raise ListedPricesOnly("value")
    body, raw = await read_json(request, PixCreation)
    merchant = await _merchant(request, body.padaria_slug)
    description = body.description or f"Pagamento a {merchant.name}"
    wanted = NewPayment(
        provider=DIRECT_PIX,
        method="pix",
        amount_centavos=body.value,
        title=description,
        description=description,
        items=(Item(name=description, quantity=1, unit_price_centavos=body.value),),
        payer=Payer(email=body.payer.email if body.payer else None),
        lifetime=timedelta(minutes=body.expires_in_minutes or LIFETIME_MINUTES),
    )
    key = fields.idempotency_key(request.headers, route="pix", body=raw)
    created = await create_payment(
        gateway.hub, merchant, wanted, idempotency_key=key, cause=cause_of(request, actor="api_key")
    )
    links = payer_links_of(gateway, created.loaded)
    payment = _pix_payment(gateway, created.loaded, links)
    return json_response(
        PixCreated(
            message="The payment has been created.",
            payment=payment,
            payload=payment.payload,
            payment_url=payment.payment_url,
            payment_page=payment_page(links, method="pix"),
        ),
        status=201,
        headers={"Location": payment.payment_url},
    )


async def _merchant(request: web.Request, slug: str | None) -> Registered:
    """Return the merchant of the charge: the named one, else the caller's, else in open mode the demo merchant."""
    caller = caller_of(request)
    if slug is None and caller.merchant is None and caller.actor_id is not None:
        raise Refused("missing_padaria_slug", "padaria_slug", why="hub_key")
    slug = slug or caller.merchant or DEMO_MERCHANT
    merchant = await gateway_of(request).merchants.find(slug)
    if merchant is None or not caller.may_see(slug):
        raise Refused("merchant_not_found", "padaria_slug", why="named", slug=slug)
    return merchant


def _pix_payment(gateway: Gateway, loaded: ChargedPayment, links: PayerLinks) -> PixPayment:
    payment = loaded.payment
    intent, charge = payment.intent, payment.charge
    name = PICTURE_PREFIX + intent.bank_payment_id
    return PixPayment(
        id=loaded.payment_id,
        value=to_reais(intent.amount_centavos),
        status=payment.status,
        expiration_date=local_time(intent.expires_at) if intent.expires_at else "",
        bank_payment_id=intent.bank_payment_id,
        qr_code=name,
        qr_code_url=f"{gateway.settings.public_url}/payments/pix/qr_code/{name}",
        payload=charge.pix_payload or "",
        payment_url=links.pix,
        padaria_slug=loaded.merchant,
        description=intent.description,
        created_at=local_time(loaded.opened_at),
    )


async def show_picture(request: web.Request) -> web.StreamResponse:
    """`GET /payments/pix/qr_code/{file_name}`: the code as a picture, PNG or (with `.svg`) SVG."""
    gateway = gateway_of(request)
    name, is_svg = request.match_info["file_name"], False
    if name.endswith(".svg"):
        name, is_svg = name.removesuffix(".svg"), True
    name = name.removesuffix(".png")
    bank_payment_id = name.removeprefix(PICTURE_PREFIX)
    payload = await _find_payload(request, bank_payment_id)
    etag = hashlib.sha256(f"{payload}{is_svg}".encode()).hexdigest()[:32]
    headers = {"ETag": f'"{etag}"', "Cache-Control": "public, max-age=31536000, immutable"}
    if has_already(request, etag):
        return web.Response(status=304, headers=headers)
    picture = await gateway.qr_pictures.draw(payload, is_svg=is_svg)
    content_type = "image/svg+xml" if is_svg else "image/png"
    return web.Response(body=picture, content_type=content_type, headers=headers)


async def _find_payload(request: web.Request, bank_payment_id: str) -> str:
    """Return the code to draw. The name is a secret that needs no key, and wrong names are rate-limited."""
    gateway, address = gateway_of(request), client_address(request)
    not_found = NotFound(bank_payment_id[:64], why="picture")
    payment_id = payment_id_in(bank_payment_id)
    if payment_id is None:
        raise not_found
    gateway.rate_limiter.admit_attempt(address, bank_payment_id)
    try:
        loaded = await load_payment(gateway.hub, payment_id)
    except NotFound:
        loaded = None
    if loaded is None or loaded.payment.intent.bank_payment_id != bank_payment_id:
        gateway.rate_limiter.record_failure(address)
        raise not_found
    gateway.rate_limiter.record_success(bank_payment_id)
    if loaded.payment.ledger.held_by:
        # A payer who scans it would pay again.
        raise Refused("payment_holds_money", why="picture")
    payment = loaded.payment
    if not isinstance(payment, Charged) or not payment.charge.pix_payload:
        raise not_found
    return payment.charge.pix_payload


def _paid_at(body: PixConfirmation) -> datetime | None:
    """Return when the payer paid, from either of two fields."""
    if None not in {body.paid_at, body.horario} and body.paid_at != body.horario:
        raise Refused("invalid_paid_at", "paid_at", why="apart")
    return body.paid_at or body.horario


async def confirm_pix(request: web.Request) -> web.Response:
    """`POST /payments/pix/confirmation`: the bank reports that a Pix arrived."""
    body, raw = await read_json(request, PixConfirmation)
    transfer = Transfer(
        bank_payment_id=body.bank_payment_id,
        amount_centavos=body.value,
        end_to_end_id=body.end_to_end_id,
        paid_at=_paid_at(body),
        raw=raw,
    )
    gateway = gateway_of(request)
    confirmation = await confirm_payment(
        gateway.hub,
        transfer,
        merchant=caller_of(request).merchant,
        grace=timedelta(seconds=gateway.settings.timeouts.grace_s),
        cause=cause_of(request, actor="bank"),
    )
    if confirmation.refused is not None:
        CONFIRMATIONS_REFUSED.labels(confirmation.refused).inc()
    match confirmation.outcome:
        case "confirmed":
            return json_response(PixConfirmed(message="The payment has been confirmed."))
        case "wrong_amount":
            raise Refused("wrong_amount", "value")
        case "late":
            raise Refused("late_payment", "bank_payment_id")
        case "not_pix":
            raise Refused("not_a_pix", "bank_payment_id")


async def return_pix(request: web.Request) -> web.Response:
    """`POST /payments/pix/{payment_id}/returned`: the bank reports that it returned a Pix."""
    loaded = await access.find_payment(request)
    body, _ = await read_json(request, PixReturn)
    command = RecordReturn(
        return_id=body.return_id,
        end_to_end_id=body.end_to_end_id,
        amount_centavos=body.amount,
        returned_at=body.returned_at,
    )
    loaded = await record_return(
        gateway_of(request).hub, loaded.payment_id, command, cause=cause_of(request, actor="bank")
    )
    recorded, total = loaded.payment.ledger.returns[body.return_id], loaded.payment.ledger.total
    return json_response(
        PixReturned(
            message="The return has been recorded.",
            payment_id=loaded.payment_id,
            return_id=body.return_id,
            end_to_end_id=recorded.attempt_id,
            amount=to_reais(recorded.amount_centavos),
            status=loaded.payment.status,
            held_amount=to_reais(total.held),
            refunded_amount=to_reais(total.refunded),
        )
    )
