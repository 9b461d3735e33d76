"""A Pix through Mercado Pago for a cart: the provider holds the charge and tells of the payment by itself."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from contracts.api import CartCreated, CartCreation, CartPix
from contracts.events import ChargeCreated
from extrato.domain.errors import Refused
from extrato.domain.money import to_reais
from extrato.domain.pix_keys import InvalidPixKey, normalise
from extrato.ports import Payer
from extrato.use_cases.open_payment import NewPayment, open_payment
from services.gateway import lookup
from services.gateway.addresses import addresses_of
from services.gateway.api.order_lines import read_order
from services.gateway.api.views import label, moment, priced
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.answers import json_answer
from services.gateway.http.caller import caller_of, cause_of
from services.gateway.request_body import json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway

LIFETIME: Final = timedelta(minutes=30)
PHONE: Final = re.compile(r"\+?(?:[ ().-]*[0-9]){8,15}")
LIFETIME_NAMES: Final = ("expires_in_minutes", "expiration_minutes")
# Mercado Pago's documented window for a Pix.
SHORTEST_MINUTES: Final = 30


async def create_cart(request: web.Request) -> web.Response:
    """`POST /payments/api/cart/`: a Pix for an order, with its code at once."""
    gateway = gateway_of(request)
    body, raw = await json_object(request, CartCreation)
    merchant = await lookup.find_padaria(request, fields.text(body, "padaria_slug", maximum=64))
    order = read_order(body, merchant, caller_of(request))
    wanted = NewPayment(
        provider="mercado_pago",
        method="pix",
        amount_centavos=order.total_centavos,
        title=order.title,
        description=order.description,
        items=order.items,
        payer=_customer(body),
        lifetime=_lifetime(body),
    )
    key = fields.idempotency_key(request.headers, route="cart", body=raw)
    loaded = await open_payment(
        gateway.hub, merchant, wanted, idempotency_key=key, cause=cause_of(request, actor="api_key")
    )
    return json_answer(await _created(gateway, loaded), status=201)


def _lifetime(body: Mapping[str, Any]) -> timedelta:
    """Read for how long the Pix may be paid, under either name."""
    told = {
        fields.lifetime(body, name, default=LIFETIME, shortest_minutes=SHORTEST_MINUTES)
        for name in LIFETIME_NAMES
        if body.get(name) is not None
    }
    if len(told) > 1:
        newer, older = LIFETIME_NAMES
        raise Refused("invalid_lifetime", newer, why="apart", older=older)
    return told.pop() if told else LIFETIME


def _customer(body: Mapping[str, Any]) -> Payer:
    """Read who is going to pay."""
    customer = body.get("customer")
    if not isinstance(customer, dict):
        raise Refused("invalid_customer", "customer")
    email = fields.email(customer, "email")
    if email is None:
        raise Refused("missing_email", "email")
    cpf, cnpj = _document(customer, "cpf"), _document(customer, "cnpj")
    if cpf and cnpj:
        raise Refused("cpf_and_cnpj", "cnpj")
    name = fields.text(customer, "name", maximum=120)
    return Payer(email=email, name=name, phone=_phone(customer), cpf=cpf, cnpj=cnpj)


def _document(customer: Mapping[str, Any], kind: Literal["cpf", "cnpj"]) -> str | None:
    """Read a CPF or CNPJ; both have the same rules where they are Pix keys."""
    text = fields.text(customer, kind, maximum=20)
    try:
        return normalise(kind, text) if text else None
    except InvalidPixKey as error:
        raise Refused("invalid_cpf" if kind == "cpf" else "invalid_cnpj", kind) from error


def _phone(customer: Mapping[str, Any]) -> str | None:
    phone = fields.text(customer, "phone", maximum=30)
    if phone is not None and not PHONE.fullmatch(phone):
        raise Refused("invalid_phone", "phone")
    return phone


async def _created(gateway: Gateway, loaded: LoadedPayment) -> CartCreated:
    intent, charge = loaded.payment.intent, loaded.payment.charge
    if not isinstance(charge, ChargeCreated) or charge.pix_payload is None or intent.expires_at is None:
        raise TypeError
    picture = await gateway.pictures.draw(charge.pix_payload, is_svg=False)
    addresses = addresses_of(gateway, loaded)
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
        expires_at=moment(intent.expires_at),
        payment_url=addresses.pix,
        status_check_url=addresses.check,
        created_at=moment(loaded.opened_at),
    )
