"""Reads request bodies: whole, within a time, and as the JSON object of a route; reads queries by their Structs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs

from extrato.domain.errors import Refused
from services.gateway.gateway import gateway_of
from services.gateway.http.bodies import Body, InvalidBody, joined, read_struct
from services.gateway.http.json_text import decode_json
from services.gateway.http.query_parameters import Query, convert_query
from services.gateway.http.values import single

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from aiohttp import web

MAX_BODY_BYTES: Final = 64 << 10


async def read_body(request: web.Request) -> bytes:
    """Read the whole body; raises `Refused` when it does not arrive in time."""
    if request.content.is_eof():
        return await request.read()
    async with _in_time(request):
        return await request.read()


async def await_body(request: web.Request) -> None:
    """Wait until a short body has arrived, for the library to read; raises `Refused` when it does not in time."""
    async with _in_time(request):
        await request.content.wait_eof()


@contextlib.asynccontextmanager
async def _in_time(request: web.Request) -> AsyncIterator[None]:
    within_s = gateway_of(request).settings.timeouts.body_s
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise Refused("body_too_slow", within_s=within_s) from None


async def read_json(request: web.Request, kind: type[Body]) -> tuple[Body, bytes]:
    """Read the body into its Struct of `contracts/api`; returns also its bytes.

    Raises `Refused` for another content type or charset, for invalid JSON and for JSON that is not an object, and
    `InvalidBody` for a body that does not fit the Struct.
    """
    if single(request.headers, hdrs.CONTENT_TYPE) != "application/json":
        charset = (request.charset or "utf-8").lower()
        if request.content_type != "application/json" or charset not in {"utf-8", "utf8"}:
            raise Refused("unsupported_media_type")
    raw = await read_body(request)
    body = decode_json(raw)
    if not isinstance(body, dict):
        raise Refused("not_an_object")
    return read_struct(kind, body), raw


async def read_upload(request: web.Request, *, media_types: Collection[str], maximum: int) -> bytes:
    """Read a body of one of these media types, of at most `maximum` bytes.

    Raises `Refused` for another type, for a longer body, and when the body does not arrive in time.
    """
    if request.content_type not in media_types or single(request.headers, hdrs.CONTENT_TYPE) is None:
        raise Refused("unsupported_media_type", why="picture")
    body = bytearray()
    async with _in_time(request):
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > maximum:
                raise Refused("body_too_large", maximum=maximum)
    return bytes(body)


def read_query(request: web.Request, kind: type[Query]) -> Query:
    """Read the query into its Struct of `contracts/v1`; raises `InvalidBody` with every fault."""
    return convert_query(kind, request.query)


async def read_request(
    request: web.Request, query_kind: type[Query], body_kind: type[Body], *, may_lack_body: bool = False
) -> tuple[Query, Body, bytes]:
    """Read query and body into their Structs, as `read_query` and `read_json` do; returns also the body's bytes.

    With `may_lack_body`, an empty body stands for `{}`. An `InvalidBody` has the faults of query and body.
    """
    if may_lack_body and not await read_body(request):
        return read_query(request, query_kind), body_kind(), b""
    try:
        query = read_query(request, query_kind)
    except InvalidBody as of_query:
        try:
            await read_json(request, body_kind)
        except InvalidBody as of_body:
            raise joined(of_query, of_body) from None
        raise
    body, raw = await read_json(request, body_kind)
    return query, body, raw
