"""The logos of merchants, for everybody: pages, receipts and shops show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from extrato.errors import NotFound
from services.gateway.gateway import gateway_of
from services.gateway.http.etags import has_already
from services.gateway.logo_address import ENDINGS, NAME
from services.gateway.pages.assets import IMMUTABLE

if TYPE_CHECKING:
    from extrato.store.logos import Logo

MAX_NAME_LENGTH: Final = 64


async def show_logo(request: web.Request) -> web.Response:
    """`GET /logos/{logo}`: a picture by its digest. It never changes, so that a cache may keep it forever."""
    name = request.match_info["logo"]
    found = await _find(request, name)
    if found is None:
        raise NotFound(name[:MAX_NAME_LENGTH], why="file")
    etag = found.digest.hex()
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": IMMUTABLE,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if has_already(request, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.body, content_type=found.media_type, headers=headers)


async def _find(request: web.Request, name: str) -> Logo | None:
    match = NAME.fullmatch(name)
    if match is None:
        return None
    logo = await gateway_of(request).hub.logos.find(bytes.fromhex(match[1]))
    return logo if logo is not None and ENDINGS[logo.media_type] == match[2] else None
