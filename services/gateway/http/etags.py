"""ETags, so that a client does not fetch again what it has.

The ETag of a single read of `/v1` is the digest of the body. Where a body has times that change without the object,
the ETag is weak (RFC 9110, 8.8.1): the digest of the body without them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import hdrs, web

if TYPE_CHECKING:
    from msgspec import Struct

    from services.gateway.http.responses import Headers

_encode: Final = msgspec.json.Encoder().encode

# A client may keep the answer, and asks each time whether it is still right.
REVALIDATED: Final = "private, no-cache"
ETAG_LENGTH: Final = 32

# What the ETag of an answer covers, where that is not its body.
COVERED: Final = web.RequestKey("covered_by_etag", bytes)


def note_covered(request: web.Request, content: Struct) -> None:
    """Note what the ETag of the answer covers: the answer without its passing times."""
    request[COVERED] = _encode(content)


def etag_of(content: bytes) -> str:
    """Return the ETag of a content, without its quotes: the start of its SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()[:ETAG_LENGTH]


def has_already(request: web.Request, etag: str) -> bool:
    """Return whether the client has the content with this ETag, so that the answer is 304 (RFC 9110, 13.1.2)."""
    return any(tag.value in {etag, "*"} for tag in request.if_none_match or ())


def tagged(request: web.Request, response: web.Response) -> web.Response:
    """Add the ETag to an answer; 304 without a body if the client has it."""
    body = response.body if isinstance(response.body, bytes) else b""
    covered = request.get(COVERED)
    etag = etag_of(body if covered is None else covered)
    weak = "" if covered is None else "W/"
    headers: Headers = {hdrs.ETAG: f'{weak}"{etag}"', hdrs.CACHE_CONTROL: REVALIDATED}
    if has_already(request, etag):
        return web.Response(status=304, headers=headers)
    response.headers.update(headers)
    return response
