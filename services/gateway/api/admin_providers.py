"""A merchant's accounts at providers: connect, replace the credential, disconnect. No response shows a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts import api
from extrato.use_cases.provider_accounts import (
    DEFAULT_PIX_API,
    NewCredential,
    connect_account,
    disconnect_provider,
    rotate_webhook_secret,
)
from services.gateway.api.admin import find_administered_merchant, merchant_response
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import cause_of
from services.gateway.request_body import read_json

if TYPE_CHECKING:
    from aiohttp import web


async def connect(request: web.Request) -> web.Response:
    """`PUT /admin/merchants/{merchant}/providers/{provider}`: connect an account, or replace its credential."""
    merchant = await find_administered_merchant(request)
    gateway, provider = gateway_of(request), request.match_info["provider"]
    body, _ = await read_json(request, api.CredentialGiven)
    wanted = NewCredential(
        access_token=body.access_token,
        webhook_secret=body.webhook_secret,
        account_id=body.account_id,
        pix_api=body.pix_api or DEFAULT_PIX_API,
        token_expires_at=body.token_expires_at,
    )
    cause = cause_of(request, actor="api_key")
    changed = await connect_account(gateway.hub, merchant.slug, provider, wanted, cause=cause)
    return merchant_response(changed)


async def disconnect(request: web.Request) -> web.Response:
    """`DELETE /admin/merchants/{merchant}/providers/{provider}`: disconnect, and delete the credential."""
    merchant = await find_administered_merchant(request)
    gateway, provider = gateway_of(request), request.match_info["provider"]
    cause = cause_of(request, actor="api_key")
    changed = await disconnect_provider(gateway.hub, merchant.slug, provider, cause=cause)
    return merchant_response(changed)


async def set_webhook_secret(request: web.Request) -> web.Response:
    """`PUT /admin/merchants/{merchant}/providers/{provider}/webhook-secret`: replace the secret, keep the token."""
    merchant = await find_administered_merchant(request)
    gateway, provider = gateway_of(request), request.match_info["provider"]
    body, _ = await read_json(request, api.WebhookSecretGiven)
    cause = cause_of(request, actor="api_key")
    changed = await rotate_webhook_secret(gateway.hub, merchant.slug, provider, body.webhook_secret, cause=cause)
    return merchant_response(changed)
