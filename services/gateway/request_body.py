"""Reads request bodies: whole, in time, and as the JSON object that a route takes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs

from extrato.domain.errors import Refused
from services.gateway.gateway import gateway_of
from services.gateway.http.json_text import decode_json
from services.gateway.http.known_fields import refuse_unknown_fields
from services.gateway.http.values import single

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web
    from msgspec import Struct

MAX_BODY_BYTES: Final = 64 << 10


async def read_body(request: web.Request) -> bytes:
    """Read the whole body; raises `Refused` when it takes too long to come."""
    if request.content.is_eof():
        return await request.read()
    async with _soon(request):
        return await request.read()


async def await_body(request: web.Request) -> None:
    """Wait until a short body is there for another to read; raises `Refused` when it takes too long to come."""
    async with _soon(request):
        await request.content.wait_eof()


@contextlib.asynccontextmanager
async def _soon(request: web.Request) -> AsyncIterator[None]:
    within_s = gateway_of(request).settings.patience.body_s
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise Refused("body_too_slow", within_s=within_s) from None


async def json_object(request: web.Request, kind: type[Struct]) -> tuple[dict[str, Any], bytes]:
    """Read the body as a JSON object, with its bytes; numbers with a fraction become `Decimal`.

    `kind` is its Struct in `contracts/api/`. Raises `Refused` for anything else: another type or charset, text that
    is no JSON, no object, and a field that the Struct forbids. Whether the values make sense is not looked into.
    """
    if single(request.headers, hdrs.CONTENT_TYPE) != "application/json":
        charset = (request.charset or "utf-8").lower()
        if request.content_type != "application/json" or charset not in {"utf-8", "utf8"}:
            raise Refused("unsupported_media_type")
    raw = await read_body(request)
    body = decode_json(raw)
    if not isinstance(body, dict):
        raise Refused("not_an_object")
    refuse_unknown_fields(body, kind)
    return body, raw
