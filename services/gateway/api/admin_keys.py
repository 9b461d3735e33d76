"""A merchant's API keys: issue and show one once, list them without their secrets, revoke one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from contracts import api
from extrato.domain.api_keys import RevokeApiKey, without_oldest_revoked
from extrato.use_cases.change_merchant import DEFAULT_SCOPES, change_merchant, new_api_key
from extrato.use_cases.merchant_directory import read_api_keys
from services.gateway.api.admin import find_administered_merchant
from services.gateway.api.response_bodies import local_time, local_time_or_none
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import cause_of
from services.gateway.http.responses import json_response
from services.gateway.request_body import read_json

if TYPE_CHECKING:
    from aiohttp import web


async def issue(request: web.Request) -> web.Response:
    """`POST /admin/merchants/{merchant}/api-keys`: create a key and show it once."""
    merchant = await find_administered_merchant(request)
    gateway = gateway_of(request)
    body, _ = await read_json(request, api.ApiKeyWanted)
    api_key, command = new_api_key(
        merchant.slug,
        tuple(sorted({*(DEFAULT_SCOPES if body.scopes is UNSET else body.scopes)})),
        listed_prices_only=bool(body.listed_prices_only),
        name=body.name,
    )
    await change_merchant(gateway.hub, merchant.slug, [command], cause=cause_of(request, actor="api_key"))
    created = api.ApiKeyCreated(
        success=True,
        padaria_slug=merchant.slug,
        key_id=command.key_id,
        name=command.name,
        scopes=list(command.scopes),
        listed_prices_only=command.listed_prices_only,
        api_key=api_key,
    )
    return json_response(created, status=201, headers={"Cache-Control": "no-store"})


async def list_keys(request: web.Request) -> web.Response:
    """`GET /admin/merchants/{merchant}/api-keys`: list the keys, revoked ones too."""
    return await _listed(request, (await find_administered_merchant(request)).slug)


async def revoke(request: web.Request) -> web.Response:
    """`DELETE /admin/merchants/{merchant}/api-keys/{key_id}`: revoke a key, in every gateway within a second."""
    merchant = await find_administered_merchant(request)
    gateway = gateway_of(request)
    command = RevokeApiKey(key_id=request.match_info["key_id"])
    await change_merchant(gateway.hub, merchant.slug, [command], cause=cause_of(request, actor="api_key"))
    return await _listed(request, merchant.slug)


async def _listed(request: web.Request, slug: str) -> web.Response:
    gateway = gateway_of(request)
    used = await gateway.key_uses.read(slug)
    keys = [
        api.ListedApiKey(
            key_id=record.issued.key_id,
            name=record.issued.name,
            scopes=list(record.issued.scopes),
            listed_prices_only=record.issued.listed_prices_only,
            issued_at=local_time(record.issued_at),
            revoked_at=local_time_or_none(record.revoked_at),
            last_used_at=local_time_or_none(used.get(record.issued.key_id)),
        )
        for record in without_oldest_revoked(await read_api_keys(gateway.hub.log, slug))
    ]
    return json_response(api.ApiKeyList(success=True, padaria_slug=slug, count=len(keys), api_keys=keys))
