"""Administration of merchants, their Pix keys and their products.

A key of the hub administers every merchant; a merchant's key with the scope `admin` administers that merchant only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts import api
from contracts.subjects import MERCHANT_SLUG
from extrato.domain import merchant as domain
from extrato.domain.errors import Refused
from extrato.domain.money import to_reais
from extrato.domain.products import PriceProduct, WithdrawProduct
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.merchant_directory import read_merchant
from services.gateway.api import queries
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of, cause_of
from services.gateway.http.responses import json_response
from services.gateway.http.values import single
from services.gateway.request_body import read_json

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.read_models import MerchantProfile

DEFAULT_LIMIT: Final = 100


async def register(request: web.Request) -> web.Response:
    """`POST /admin/merchants`: register a merchant; an identical one is answered 200."""
    if caller_of(request).merchant is not None:
        raise Refused("forbidden", why="hub_only")
    body, _ = await read_json(request, api.MerchantCreation)
    command = domain.Register(slug=body.slug, name=body.name, city=body.city)
    gateway = gateway_of(request)
    changed = await change_merchant(gateway.hub, body.slug, [command], cause=cause_of(request, actor="api_key"))
    return merchant_response(domain.registered(changed.merchant, body.slug), status=201 if changed.is_new else 200)


async def list_merchants(request: web.Request) -> web.Response:
    """`GET /admin/merchants`: all merchants by slug, in pages; a merchant's own key lists that merchant only."""
    own = caller_of(request).merchant
    if own is not None:
        merchant, _ = await read_merchant(gateway_of(request).hub.log, own)
        listed = [_body(merchant)] if isinstance(merchant, domain.Registered) else []
        return json_response(api.MerchantList(success=True, count=len(listed), merchants=listed, next=None))
    after, limit = single(request.query, "after") or "", fields.limit(request.query, default=DEFAULT_LIMIT)
    if after and not MERCHANT_SLUG.fullmatch(after):
        raise Refused("invalid_slug", "after", why="after")
    profiles = await queries.merchants_after(gateway_of(request).pool, after, limit=limit)
    following = profiles[-1].slug if len(profiles) == limit else None
    listed = [_body(profile) for profile in profiles]
    return json_response(api.MerchantList(success=True, count=len(listed), merchants=listed, next=following))


async def show(request: web.Request) -> web.Response:
    """`GET /admin/merchants/{merchant}`: show a merchant."""
    return merchant_response(await find_administered_merchant(request))


async def rename(request: web.Request) -> web.Response:
    """`PATCH /admin/merchants/{merchant}`: change the name or the city."""
    await find_administered_merchant(request)
    body, _ = await read_json(request, api.MerchantNaming)
    if body.name is None and body.city is None:
        raise Refused("missing_field", "name", why="name_or_city")
    return await _changed(request, domain.Rename(name=body.name, city=body.city))


async def set_pix_key(request: web.Request) -> web.Response:
    """`PUT /admin/merchants/{merchant}/pix-key`: set the key to which the merchant receives Pix."""
    await find_administered_merchant(request)
    body, _ = await read_json(request, api.PixKeyGiven)
    return await _changed(request, domain.SetPixKey(kind=body.kind, key=body.key))


async def remove_pix_key(request: web.Request) -> web.Response:
    """`DELETE /admin/merchants/{merchant}/pix-key`: remove the merchant's Pix key."""
    await find_administered_merchant(request)
    return await _changed(request, domain.RemovePixKey())


async def price_product(request: web.Request) -> web.Response:
    """`PUT /admin/merchants/{merchant}/products/{product}`: set the price of a product."""
    await find_administered_merchant(request)
    body, _ = await read_json(request, api.PriceGiven)
    name = request.match_info["product"].strip()
    return await _changed(request, PriceProduct(name=name, price_centavos=body.price))


async def withdraw_product(request: web.Request) -> web.Response:
    """`DELETE /admin/merchants/{merchant}/products/{product}`: withdraw a product."""
    await find_administered_merchant(request)
    return await _changed(request, WithdrawProduct(name=request.match_info["product"].strip()))


async def find_administered_merchant(request: web.Request) -> domain.Registered:
    """Return the merchant of the path; raises `Refused`, also for a merchant that the caller does not administer."""
    slug = request.match_info["merchant"]
    if MERCHANT_SLUG.fullmatch(slug) and caller_of(request).may_see(slug):
        merchant, _ = await read_merchant(gateway_of(request).hub.log, slug)
        if isinstance(merchant, domain.Registered):
            return merchant
    raise Refused("unknown_merchant", "merchant", slug=slug[:64])


def merchant_response(merchant: domain.Registered, *, status: int = 200) -> web.Response:
    """Build the response that shows a merchant."""
    return json_response(api.MerchantShown(success=True, merchant=_body(merchant)), status=status)


async def _changed(request: web.Request, command: domain.Command) -> web.Response:
    gateway, slug = gateway_of(request), request.match_info["merchant"]
    changed = await change_merchant(gateway.hub, slug, [command], cause=cause_of(request, actor="api_key"))
    return merchant_response(domain.registered(changed.merchant, slug))


def _body(merchant: domain.Registered | MerchantProfile) -> api.Merchant:
    pix_key, connections = merchant.pix_key, merchant.connections
    return api.Merchant(
        slug=merchant.slug,
        name=merchant.name,
        city=merchant.city,
        pix_key=api.PixKeyShown(kind=pix_key.kind, key=pix_key.key) if pix_key else None,
        providers=[
            api.ConnectedProvider(provider=each.provider, account_id=each.account_id, pix_api=each.pix_api)
            for each in (connections.values() if isinstance(connections, dict) else connections)
        ],
        products={name: to_reais(centavos) for name, centavos in merchant.prices_centavos.items()},
    )
