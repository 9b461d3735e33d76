"""`/v1/merchant`: reads and changes the merchant of the API key, and its logo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from contracts import v1
from contracts.v1.types import LOGO_UPLOADS
from extrato.domain import merchant as domain
from extrato.domain.merchant_profile import ChangeProfile, kind_of_document
from extrato.domain.origins import SetOrigins
from extrato.use_cases.change_logo import remove_logo, set_logo
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.merchant_directory import merchant_stream
from extrato.use_cases.streams import read
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import cause_of
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response
from services.gateway.logo_address import logo_address
from services.gateway.request_body import read_query, read_request, read_upload
from services.gateway.v1.merchant_of import merchant_of
from services.gateway.v1.times import utc
from services.gateway.workers.logo_process import MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.events import MerchantLogoSet


async def read_merchant(request: web.Request) -> web.Response:
    """`GET /v1/merchant`: read the merchant from its stream."""
    query = read_query(request, v1.MerchantQuery)
    return await _shown(request, (await merchant_of(request, query.merchant)).slug)


async def change(request: web.Request) -> web.Response:
    """`PATCH /v1/merchant`: change what the body names, whole or not at all."""
    query, body, _ = await read_request(request, v1.MerchantQuery, v1.MerchantChange)
    slug = (await merchant_of(request, query.merchant)).slug
    commands = _commands(body)
    await change_merchant(gateway_of(request).hub, slug, commands, cause=cause_of(request, actor="api_key"))
    return await _shown(request, slug)


async def put_logo(request: web.Request) -> web.Response:
    """`PUT /v1/merchant/logo`: redraw a picture, and show it as the logo."""
    query, gateway = read_query(request, v1.MerchantQuery), gateway_of(request)
    slug = (await merchant_of(request, query.merchant)).slug
    upload = await read_upload(request, media_types=LOGO_UPLOADS, maximum=MAX_UPLOAD_BYTES)
    logo = await gateway.logo_drawings.draw(upload)
    await set_logo(gateway.hub, slug, logo, cause=cause_of(request, actor="api_key"))
    return await _shown(request, slug)


async def delete_logo(request: web.Request) -> web.Response:
    """`DELETE /v1/merchant/logo`: show no logo, and delete its picture."""
    query = read_query(request, v1.MerchantQuery)
    slug = (await merchant_of(request, query.merchant)).slug
    await remove_logo(gateway_of(request).hub, slug, cause=cause_of(request, actor="api_key"))
    return await _shown(request, slug)


def _commands(body: v1.MerchantChange) -> list[domain.Command]:
    contact = v1.ContactChange() if body.contact is UNSET else body.contact
    return [
        domain.Rename(name=None if body.name is UNSET else body.name, city=None if body.city is UNSET else body.city),
        ChangeProfile(
            colour=body.colour,
            document=body.document,
            phone=contact.phone,
            whatsapp=contact.whatsapp,
            email=contact.email,
        ),
        SetOrigins(
            return_origins=None if body.return_origins is UNSET else tuple(body.return_origins),
            frame_origins=None if body.frame_origins is UNSET else tuple(body.frame_origins),
        ),
    ]


async def _shown(request: web.Request, slug: str) -> web.Response:
    """Read the merchant again, so that an answer never mixes two states."""
    gateway = gateway_of(request)
    history = await read(gateway.hub.log, merchant_stream(slug))
    merchant, first, last = domain.registered(history.state, slug), history.first, history.last
    if first is None or last is None:
        raise AssertionError
    note_position(request, last.position)
    details, logo = merchant.profile.details, merchant.profile.logo
    return json_response(
        v1.MerchantDetails(
            object="merchant",
            id=merchant.slug,
            name=merchant.name,
            city=merchant.city,
            colour=details.colour,
            document=details.document,
            document_type=None if details.document is None else kind_of_document(details.document),
            contact=v1.MerchantContact(phone=details.phone, whatsapp=details.whatsapp, email=details.email),
            logo=None if logo is None else _logo(gateway.hub.public_url, logo),
            return_origins=sorted(merchant.return_origins),
            frame_origins=sorted(merchant.frame_origins),
            created_at=utc(first.recorded_at),
        )
    )


def _logo(public_url: str, logo: MerchantLogoSet) -> v1.MerchantLogo:
    return v1.MerchantLogo(
        url=logo_address(public_url, logo), media_type=logo.media_type, width=logo.width, height=logo.height
    )
