"""Reads the body of a creation into what the use case wants, with every fault of fields that do not go together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from contracts.api.request_fields import MAX_VALUE_CENTAVOS
from contracts.events import Item
from contracts.v1.creation import MAX_LIFETIME_S, MIN_LIFETIME_S, MIN_MERCADO_PAGO_PIX_S
from extrato.domain.api_keys import ListedPricesOnly
from extrato.domain.errors import Refused
from extrato.domain.merchant import Line, price_order
from extrato.use_cases.create_payment import NewPayment, describe, require_known_origin
from extrato.values import Payer
from services.gateway import access
from services.gateway.http.bodies import Fault, invalid_body
from services.gateway.v1.methods import CHARGED_BY, MERCADO_PAGO_PIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from contracts.v1 import NewItem, PaymentCreation
    from extrato.domain.merchant import Registered
    from services.gateway.http.caller import Caller


def new_payment(body: PaymentCreation, merchant: Registered, caller: Caller, *, now: datetime) -> NewPayment:
    """Return what is to be created; raises `InvalidBody` with every fault, and `Refused` for what is not one."""
    if body.amount_centavos is not None and caller.listed_prices_only:
        raise ListedPricesOnly("amount_centavos")
    items, faults = _priced(body.items or [], merchant, caller)
    faults = (*_faults(body, merchant, items, now), *faults)
    if faults:
        raise invalid_body(faults)
    provider, method, lifetime = CHARGED_BY[body.method]
    if provider == "mercado_pago":
        access.require_mercado_pago(merchant)
    title = body.title or f"Pedido {merchant.name}"
    description = body.description or (describe(items) if items else title)
    amount_centavos = body.amount_centavos or _total(items)
    return NewPayment(
        provider=provider,
        method=method,
        amount_centavos=amount_centavos,
        title=title,
        description=description,
        items=items or (Item(name=title, quantity=1, unit_price_centavos=amount_centavos),),
        payer=_payer(body),
        lifetime=lifetime if body.expires_in_s is None else timedelta(seconds=body.expires_in_s),
        expires_at=body.expires_at,
        reference=body.reference,
        unique_reference=bool(body.unique_reference),
        metadata=body.metadata or {},
        return_url=body.return_url,
    )


def _priced(lines: list[NewItem], merchant: Registered, caller: Caller) -> tuple[tuple[Item, ...], tuple[Fault, ...]]:
    """Return the items at the merchant's prices, and the lines without a price."""
    items: list[Item] = []
    faults = []
    for index, line in enumerate(lines):
        named = Line(name=line.name, quantity=line.quantity, unit_price_centavos=line.unit_price_centavos)
        try:
            items += price_order([named], merchant, listed_prices_only=caller.listed_prices_only)
        except ListedPricesOnly:
            raise
        except Refused as error:
            faults.append(Fault(f"/items/{index}/name", error))
    return tuple(items), tuple(faults)


def _faults(body: PaymentCreation, merchant: Registered, items: tuple[Item, ...], now: datetime) -> Iterator[Fault]:
    if (body.amount_centavos is None) == (body.items is None):
        yield Fault("/amount_centavos", Refused("amount_or_items"))
    if _total(items) > MAX_VALUE_CENTAVOS:
        yield Fault("/items", Refused("amount_too_large", "items", why="order"))
    if body.unique_reference and body.reference is None:
        yield Fault("/reference", Refused("missing_reference"))
    yield from _faults_of_payer(body)
    yield from _faults_of_expiry(body, now)
    try:
        require_known_origin(merchant, body.return_url)
    except Refused as error:
        yield Fault("/return_url", error)


def _faults_of_payer(body: PaymentCreation) -> Iterator[Fault]:
    if body.method == MERCADO_PAGO_PIX and (body.payer is None or body.payer.email is None):
        yield Fault("/payer/email", Refused("missing_email"))
    if body.payer is not None and None not in {body.payer.cpf, body.payer.cnpj}:
        yield Fault("/payer/cnpj", Refused("cpf_and_cnpj"))


def _faults_of_expiry(body: PaymentCreation, now: datetime) -> Iterator[Fault]:
    least, most = MIN_MERCADO_PAGO_PIX_S if body.method == MERCADO_PAGO_PIX else MIN_LIFETIME_S, MAX_LIFETIME_S
    if body.expires_in_s is not None and body.expires_in_s < least:
        yield Fault("/expires_in_s", Refused("invalid_lifetime", "expires_in_s", minimum=least, maximum=most))
    if body.expires_at is None:
        return
    if body.expires_in_s is not None:
        yield Fault("/expires_at", Refused("two_expiries"))
    if not least <= (body.expires_at - now).total_seconds() <= most:
        yield Fault("/expires_at", Refused("invalid_expires_at", why="bounds", minimum=least, maximum=most))


def _payer(body: PaymentCreation) -> Payer:
    """Return the payer as far as the charge needs the payer's data."""
    payer = body.payer
    if payer is None or body.method != MERCADO_PAGO_PIX:
        return Payer(email=payer.email if payer else None)
    return Payer(email=payer.email, name=payer.name, phone=payer.phone, cpf=payer.cpf, cnpj=payer.cnpj)


def _total(items: tuple[Item, ...]) -> int:
    return sum(item.quantity * item.unit_price_centavos for item in items)
