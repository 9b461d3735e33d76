"""`/v1/api_keys`: lists a merchant's keys, issues one and shows it once, revokes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import asdict

from contracts import v1
from extrato.domain.api_keys import RevokeApiKey, records
from extrato.domain.errors import Refused
from extrato.domain.merchant import stream_id
from extrato.use_cases.change_merchant import DEFAULT_SCOPES, change_merchant
from extrato.use_cases.issue_api_key import issue_api_key
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import cause_of
from services.gateway.http.cursors import ListOf
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response
from services.gateway.request_body import read_query, read_request
from services.gateway.v1.merchant_of import merchant_of
from services.gateway.v1.times import utc, utc_or_none

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from extrato.domain.api_keys import KeyRecord

ROUTE: Final = "/v1/api_keys"


async def list_keys(request: web.Request) -> web.Response:
    """`GET /v1/api_keys`: list the keys, the newest first."""
    query, gateway = read_query(request, v1.ListQuery), gateway_of(request)
    slug = (await merchant_of(request, query.merchant)).slug
    listed = ListOf.asked("api_keys", slug, query)
    before = None if query.cursor is None else gateway.cursors.read(query.cursor, int, of=listed)
    keys = [key for key in reversed(await _read(request, slug)) if before is None or key.version < before]
    page, has_more = keys[: query.limit], len(keys) > query.limit
    used = await gateway.key_uses.read(slug)
    return json_response(
        v1.ApiKeyPage(
            object="list",
            data=[_shown(slug, key, used) for key in page],
            has_more=has_more,
            next=gateway.cursors.make(page[-1].version, of=listed) if has_more else None,
        )
    )


async def issue(request: web.Request) -> web.Response:
    """`POST /v1/api_keys`: issue a key, and show it once."""
    query, body, raw = await read_request(request, v1.MerchantQuery, v1.NewApiKey)
    slug = (await merchant_of(request, query.merchant)).slug
    key_id, secret = await issue_api_key(
        gateway_of(request).hub,
        slug,
        scopes=tuple(sorted({*(body.scopes or DEFAULT_SCOPES)})),
        listed_prices_only=body.listed_prices_only,
        name=body.name,
        idempotency_key=fields.idempotency_key(request.headers, route=ROUTE, body=raw),
        cause=cause_of(request, actor="api_key"),
    )
    key = await _find(request, slug, key_id)
    return json_response(_issued(_shown(slug, key, {}), secret), status=201)


async def revoke(request: web.Request) -> web.Response:
    """`DELETE /v1/api_keys/{key_id}`: revoke a key, in every gateway within a second."""
    query, gateway = read_query(request, v1.MerchantQuery), gateway_of(request)
    slug, key_id = (await merchant_of(request, query.merchant)).slug, request.match_info["key_id"]
    await change_merchant(gateway.hub, slug, [RevokeApiKey(key_id=key_id)], cause=cause_of(request, actor="api_key"))
    key = await _find(request, slug, key_id)
    return json_response(_shown(slug, key, await gateway.key_uses.read(slug)))


async def _read(request: web.Request, slug: str) -> list[KeyRecord]:
    history = await gateway_of(request).hub.log.read_stream(stream_id(slug))
    note_position(request, history[-1].position)
    return records(history)


async def _find(request: web.Request, slug: str, key_id: str) -> KeyRecord:
    key = next((key for key in await _read(request, slug) if key.issued.key_id == key_id), None)
    if key is None:
        raise Refused("api_key_not_found", key_id)
    return key


def _shown(slug: str, key: KeyRecord, used: dict[str, datetime]) -> v1.ApiKey:
    issued, cause = key.issued, key.issued_by
    return v1.ApiKey(
        object="api_key",
        id=issued.key_id,
        merchant=slug,
        name=issued.name,
        scopes=list(issued.scopes),
        listed_prices_only=issued.listed_prices_only,
        created_at=utc(key.issued_at),
        created_by=v1.KeyIssuer(type=cause.actor, id=cause.actor_id),
        last_used_at=utc_or_none(used.get(issued.key_id)),
        revoked_at=utc_or_none(key.revoked_at),
    )


def _issued(key: v1.ApiKey, secret: str) -> v1.IssuedApiKey:
    return v1.IssuedApiKey(**asdict(key), secret=secret)
