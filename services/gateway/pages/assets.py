"""Stylesheet, scripts and icon of the pages; the address of each file contains its digest."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Final

from aiohttp import web
from msgspec import Struct

from extrato.errors import NotFound
from services.gateway.http.etags import has_already
from services.gateway.http.values import single

FOLDER: Final = Path(__file__).with_name("assets")
CONTENT_TYPES: Final = {
    "extrato.css": "text/css",
    "say.js": "text/javascript",
    "live.js": "text/javascript",
    "countdown.js": "text/javascript",
    "copy.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "no-cache"


class Asset(Struct, frozen=True, kw_only=True):
    """One file; `digest` is the start of its SHA-256 in hex."""

    body: bytes
    digest: str


@functools.cache
def asset(name: str) -> Asset:
    """Read a file of `CONTENT_TYPES`; later calls read it from memory."""
    body = (FOLDER / name).read_bytes()
    return Asset(body=body, digest=hashlib.sha256(body).hexdigest()[:16])


def address_of(name: str) -> str:
    """Return the address with the digest, which browsers may cache without an end."""
    return f"/assets/{name}?v={asset(name).digest}"


async def show_asset(request: web.Request) -> web.Response:
    """`GET /assets/{asset}`: the file. Browsers may cache it if `v` is its digest, and must revalidate it otherwise."""
    name = request.match_info["asset"]
    if name not in CONTENT_TYPES:
        raise NotFound(name[:64], why="file")
    found = asset(name)
    headers = {
        "ETag": f'"{found.digest}"',
        "Cache-Control": IMMUTABLE if single(request.query, "v") == found.digest else REVALIDATE,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if has_already(request, found.digest):
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.body, content_type=CONTENT_TYPES[name], charset="utf-8", headers=headers)
