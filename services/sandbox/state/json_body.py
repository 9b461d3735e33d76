"""JSON in and out, with decimal numbers kept exact."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from services.sandbox.state.errors import bad_request

if TYPE_CHECKING:
    from aiohttp.typedefs import LooseHeaders

encode = msgspec.json.Encoder(decimal_format="number").encode
decode = msgspec.json.Decoder(float_hook=Decimal).decode


def answer(body: Any, *, status: int = 200, headers: LooseHeaders | None = None) -> web.Response:
    """Make a JSON response the way the provider does."""
    return web.Response(
        body=encode(body), status=status, content_type="application/json", charset="utf-8", headers=headers
    )


async def read_object(request: web.Request) -> dict[str, Any]:
    """Read a JSON object; no body counts as `{}`, since the Python SDK sends none for a full refund."""
    raw = await request.read()
    try:
        body = decode(raw) if raw.strip() else {}
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
        raise bad_request("Malformed JSON", code=1) from error
    if not isinstance(body, dict):
        raise bad_request("Params Error", code=1)
    return body
