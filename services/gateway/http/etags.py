"""ETags of single reads: the digest of the body, so that a client does not fetch again what it has."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from services.gateway.http.responses import Headers

# A client may keep the answer, and asks each time whether it is still right.
REVALIDATED: Final = "private, no-cache"
ETAG_LENGTH: Final = 32


def tagged(request: web.Request, response: web.Response) -> web.Response:
    """Add the ETag to an answer; 304 without a body if the client has it (RFC 9110, 13.1.2)."""
    body = response.body if isinstance(response.body, bytes) else b""
    etag = hashlib.sha256(body).hexdigest()[:ETAG_LENGTH]
    headers: Headers = {hdrs.ETAG: f'"{etag}"', hdrs.CACHE_CONTROL: REVALIDATED}
    if any(tag.value in {etag, "*"} for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    response.headers.update(headers)
    return response
