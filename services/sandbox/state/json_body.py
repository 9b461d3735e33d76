"""Reads and writes JSON with exact decimal numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from extrato.domain.nearest import nearest
from services.sandbox.state.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.typedefs import LooseHeaders

_MAX_NAME = 64
_Kind = TypeVar("_Kind", bound=msgspec.Struct)

encode = msgspec.json.Encoder(decimal_format="number").encode
decode = msgspec.json.Decoder(float_hook=Decimal).decode


def answer(body: Any, *, status: int = 200, headers: LooseHeaders | None = None) -> web.Response:
    """Return a JSON response with the provider's content type."""
    return web.Response(
        body=encode(body), status=status, content_type="application/json", charset="utf-8", headers=headers
    )


async def read_object(request: web.Request) -> dict[str, Any]:
    """Read a JSON object; an empty body is `{}`, because the Python SDK sends none for a full refund."""
    raw = await request.read()
    try:
        body = decode(raw) if raw.strip() else {}
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
        raise bad_request("Malformed JSON", code=1) from error
    if not isinstance(body, dict):
        raise bad_request("Params Error", code=1)
    return body


class WrongBody(ValueError):
    """The body of a control request is wrong; the message is a sentence."""


def read_control(raw: bytes, kind: type[_Kind]) -> _Kind:
    """Read the body of a control request; raises `WrongBody`, which names an unknown field."""
    try:
        body = msgspec.json.decode(raw)
        if isinstance(body, dict):
            refuse_unknown(body, kind)
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WrongBody(f"{error}.") from error


def refuse_unknown(names: Iterable[str], kind: type[msgspec.Struct]) -> None:
    """Raise `WrongBody` for the first unknown field, with the nearest known one or a list of all."""
    known = kind.__struct_fields__
    for name in names:
        if name not in known:
            meant = nearest(name, known)
            hint = f"Did you mean {meant!r}?" if meant else f"There are: {', '.join(sorted(known))}."
            raise WrongBody(f"There is no field {name[:_MAX_NAME]!r}. {hint}")
