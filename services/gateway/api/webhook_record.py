"""The stored record of a webhook: its path, its relevant headers, and its body as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from uuid import UUID

    from aiohttp import web

MAX_VERIFIED_BYTES: Final = 16 << 10
MAX_UNVERIFIED_BYTES: Final = 4 << 10
MAX_PATH_BYTES: Final = 1024
MAX_HEADER_BYTES: Final = 256
KEPT_HEADERS: Final = ("x-signature", "x-request-id", "user-agent", "content-type", "x-retry")

_encode: Final = msgspec.json.Encoder().encode


def record_of(request: web.Request, body: bytes | None, *, delivery_id: UUID, maximum: int) -> bytes:
    """Encode a record of at most `maximum` bytes, by cutting the path, the headers, then the body. None keeps no body.

    `delivery_id` makes each record unique, so that it can be deleted with its delivery.
    """
    headers = {name: ", ".join(found) for name in KEPT_HEADERS if (found := request.headers.getall(name, ()))}
    return fitted(str(delivery_id), request.raw_path, headers, body, maximum=maximum)


def fitted(delivery_id: str, path: str, headers: dict[str, str], body: bytes | None, *, maximum: int) -> bytes:
    """Encode the record of these parts."""
    record: dict[str, Any] = {
        "delivery_id": delivery_id,
        "path": _written(path),
        "headers": {name: _written(value) for name, value in headers.items()},
    }
    if body is not None:
        # The length before cutting.
        record["body_bytes"] = len(body)
        record["body"] = body[:maximum].decode(errors="replace")
    whole = _encode(record)
    if len(whole) <= maximum:
        return whole
    record["path"] = _cut(record["path"], MAX_PATH_BYTES)
    record["headers"] = {name: _cut(value, MAX_HEADER_BYTES) for name, value in record["headers"].items()}
    if body is not None:
        room = maximum - len(_encode({**record, "body": ""}))
        record["body"] = _cut(record["body"], room)
    return _encode(record)


def _written(text: str) -> str:
    """Replace bytes of a header or a path that are not UTF-8."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _cut(text: str, room: int) -> str:
    """Shorten a text until it takes at most `room` bytes in JSON, where one character may take six."""
    while (taken := len(_encode(text)) - 2) > room:
        text = text[: len(text) * room // taken]
    return text
