"""Finds the merchant and the payment of a request to `/v1`. Another tenant's resource is 404, like a missing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.errors import Refused
from services.gateway import access
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.envelope import Envelope
    from extrato.domain.merchant import Registered
    from extrato.use_cases.payments import LoadedPayment


async def merchant_of(request: web.Request, named: str | None) -> Registered:
    """Return the named merchant, or else that of the API key; a key of the hub must name one."""
    caller = caller_of(request)
    slug = named or caller.merchant
    if slug is None:
        raise Refused("missing_merchant", "merchant")
    merchant = await gateway_of(request).merchants.find(slug) if caller.may_see(slug) else None
    if merchant is None:
        raise Refused("unknown_merchant", slug, slug=slug)
    return merchant


async def payment_of(request: web.Request, named: str | None) -> LoadedPayment:
    """Load the payment that the path names; a merchant that the query names must be its merchant."""
    loaded = await access.find_payment(request)
    if named not in {None, loaded.merchant}:
        raise fields.not_found(loaded.payment_id)
    return loaded


async def history_of(request: web.Request, named: str | None) -> tuple[int, list[Envelope]]:
    """Return the number and the events of the payment that the path names, as `payment_of` does."""
    number, history = await access.find_history(request)
    if named not in {None, history[0].merchant}:
        raise fields.not_found(number)
    return number, history
