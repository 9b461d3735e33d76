"""A merchant's API keys: issued and shown once, listed without their secrets, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contracts import api
from extrato.domain import merchant as domain
from extrato.domain.api_keys import RevokeApiKey
from extrato.domain.errors import Refused
from extrato.use_cases.merchants import change_merchant, new_api_key
from services.gateway.api.admin import administered
from services.gateway.http import fields
from services.gateway.http.answers import json_answer
from services.gateway.http.context import cause_of, gateway_of
from services.gateway.http.door import json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web


async def issue(request: web.Request) -> web.Response:
    """`POST /admin/merchants/{merchant}/api-keys`: make a key and show it, this once."""
    merchant = await administered(request)
    gateway = gateway_of(request)
    body, _ = await json_object(request, api.ApiKeyWanted)
    listed_prices_only = fields.flag(body, "listed_prices_only")
    api_key, command = new_api_key(merchant.slug, _scopes(body), listed_prices_only=listed_prices_only)
    await change_merchant(gateway.hub, merchant.slug, [command], cause=cause_of(request, actor="api_key"))
    gateway.merchants.forget(merchant.slug)
    created = api.ApiKeyCreated(
        success=True,
        padaria_slug=merchant.slug,
        key_id=command.key_id,
        scopes=list(command.scopes),
        listed_prices_only=command.listed_prices_only,
        api_key=api_key,
    )
    return json_answer(created, status=201, headers={"Cache-Control": "no-store"})


async def list_keys(request: web.Request) -> web.Response:
    """`GET /admin/merchants/{merchant}/api-keys`: the keys that open something."""
    return _listed(await administered(request))


async def revoke(request: web.Request) -> web.Response:
    """`DELETE /admin/merchants/{merchant}/api-keys/{key_id}`: every gateway refuses it within a second."""
    merchant = await administered(request)
    gateway = gateway_of(request)
    command = RevokeApiKey(key_id=request.match_info["key_id"])
    changed = await change_merchant(gateway.hub, merchant.slug, [command], cause=cause_of(request, actor="api_key"))
    gateway.merchants.forget(merchant.slug)
    return _listed(changed.merchant)


def _scopes(body: Mapping[str, Any]) -> tuple[str, ...]:
    scopes = body.get("scopes")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise Refused("unknown_scope", "The field 'scopes' must be a list of scopes.", "scopes")
    return tuple(sorted(set(scopes)))


def _listed(merchant: domain.Merchant) -> web.Response:
    if not isinstance(merchant, domain.Registered):
        raise TypeError
    keys = [
        api.ListedApiKey(key_id=issued.key_id, scopes=list(issued.scopes), listed_prices_only=issued.listed_prices_only)
        for issued in merchant.keys.issued.values()
    ]
    return json_answer(api.ApiKeyList(success=True, padaria_slug=merchant.slug, count=len(keys), api_keys=keys))
