"""Finds what a request names. Another tenant's resource is answered 404, like a missing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.providers import MERCADO_PAGO
from extrato.domain.errors import Refused
from extrato.domain.payment.identifiers import stream_id
from extrato.errors import NotFound
from extrato.use_cases.payments import load_payment
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.envelope import Envelope
    from extrato.domain.merchant import Registered
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway
    from services.gateway.http.caller import Caller


async def find_padaria(request: web.Request, slug: str | None) -> Registered:
    """Find the merchant that a request names."""
    if slug is None:
        raise Refused("missing_padaria_slug", "padaria_slug")
    return await merchant_for(gateway_of(request), caller_of(request), slug)


def require_mercado_pago(merchant: Registered) -> None:
    """Raise `Refused` for a merchant that has no Mercado Pago account connected."""
    if MERCADO_PAGO not in merchant.connections:
        raise Refused("provider_not_connected", merchant.slug)


async def find_payment(request: web.Request) -> LoadedPayment:
    """Load the payment that the path names."""
    number = fields.payment_id(request.match_info["payment_id"])
    return await payment_for(gateway_of(request), caller_of(request), number)


async def find_history(request: web.Request) -> tuple[int, list[Envelope]]:
    """Return the number and the events of the payment that the path names."""
    number = fields.payment_id(request.match_info["payment_id"])
    history = await gateway_of(request).hub.log.read_stream(stream_id(number))
    if not history or not caller_of(request).may_open(number, history[0].merchant):
        raise fields.not_found(number)
    return number, history


async def merchant_for(gateway: Gateway, caller: Caller, slug: str) -> Registered:
    """Find a merchant; raises `Refused` where the caller may not see it."""
    merchant = await gateway.merchants.find(slug)
    if merchant is None or not caller.may_see(slug):
        raise Refused("merchant_not_found", "padaria_slug", why="named", slug=slug[:64])
    return merchant


async def payment_for(gateway: Gateway, caller: Caller, number: int) -> LoadedPayment:
    """Load a payment; raises `Refused` where the caller may not. A payer's was loaded during authentication."""
    if caller.payment is not None:
        if caller.payment.payment_id != number:
            raise fields.not_found(number)
        return caller.payment
    try:
        loaded = await load_payment(gateway.hub, number)
    except NotFound as error:
        raise fields.not_found(number) from error
    if not caller.may_open(number, loaded.merchant):
        raise fields.not_found(number)
    return loaded
