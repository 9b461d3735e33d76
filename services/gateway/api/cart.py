"""A Pix through Mercado Pago for a cart: the provider holds the charge and reports its payment."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from contracts.api import CartCreated, CartCreation, CartCustomer, CartPix
from contracts.providers import MERCADO_PAGO
from extrato.domain.errors import Refused
from extrato.domain.money import to_reais
from extrato.errors import ProviderMisunderstood
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.values import Payer
from services.gateway.api.order_lines import read_order, read_order_body
from services.gateway.api.response_bodies import label, local_time, priced
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of, cause_of
from services.gateway.http.responses import json_response
from services.gateway.payer_links import payer_links_of, payment_page

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.payments import ChargedPayment
    from services.gateway.gateway import Gateway

LIFETIME_MINUTES: Final = 30


async def create_cart(request: web.Request) -> web.Response:
    """`POST /payments/api/cart/`: create a Pix for an order, and return its code."""
    gateway = gateway_of(request)
    body, merchant, raw = await read_order_body(request, CartCreation)
    order = read_order(body, merchant, caller_of(request))
    wanted = NewPayment(
        provider=MERCADO_PAGO,
        method="pix",
        amount_centavos=order.total_centavos,
        title=order.title,
        description=order.description,
        items=order.items,
        payer=_payer(body.customer),
        lifetime=_lifetime(body),
    )
    key = fields.idempotency_key(request.headers, route="cart", body=raw)
    created = await create_payment(
        gateway.hub, merchant, wanted, idempotency_key=key, cause=cause_of(request, actor="api_key")
    )
    return json_response(await _created(gateway, created.loaded), status=201)


def _lifetime(body: CartCreation) -> timedelta:
    """Return how long the Pix can be paid, from either of two fields."""
    newer, older = body.expires_in_minutes, body.expiration_minutes
    if None not in {newer, older} and newer != older:
        raise Refused("invalid_lifetime", "expires_in_minutes", why="apart", older="expiration_minutes")
    return timedelta(minutes=newer or older or LIFETIME_MINUTES)


def _payer(customer: CartCustomer) -> Payer:
    if customer.cpf and customer.cnpj:
        raise Refused("cpf_and_cnpj", "cnpj")
    return Payer(email=customer.email, name=customer.name, phone=customer.phone, cpf=customer.cpf, cnpj=customer.cnpj)


async def _created(gateway: Gateway, loaded: ChargedPayment) -> CartCreated:
    intent, charge = loaded.payment.intent, loaded.payment.charge
    if charge.pix_payload is None:
        raise ProviderMisunderstood(str(loaded.payment_id), why="no_code")
    picture = await gateway.qr_pictures.draw(charge.pix_payload, is_svg=False)
    links = payer_links_of(gateway, loaded)
    return CartCreated(
        success=True,
        payment_id=loaded.payment_id,
        mp_payment_id=charge.attempt_id,
        status=loaded.payment.status,
        status_label=label(loaded.payment.status),
        title=intent.title,
        total=to_reais(intent.amount_centavos),
        items=priced(intent.items),
        description=intent.description,
        external_reference=intent.external_reference,
        pix=CartPix(
            qr_code=charge.pix_payload,
            qr_code_base64=base64.b64encode(picture).decode(),
            ticket_url=charge.checkout_url,
        ),
        expires_at=local_time(intent.expires_at) if intent.expires_at else "",
        payment_url=links.pix,
        status_check_url=links.check,
        created_at=local_time(loaded.opened_at),
        payment_page=payment_page(links, method=intent.method),
    )
