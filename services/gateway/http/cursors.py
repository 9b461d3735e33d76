"""Cursors of lists: where the next page begins, authenticated for one list, merchant and set of filters."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import Struct

from extrato.domain.errors import Refused
from services.gateway.http.bodies import Fault, InvalidBody, invalid_body

if TYPE_CHECKING:
    from collections.abc import Sequence

Place = TypeVar("Place")

MAC_BYTES: Final = 16
_encode: Final = msgspec.msgpack.Encoder().encode


class ListOf(Struct, frozen=True, kw_only=True):
    """The list that a cursor belongs to. `filters` are all parameters of the query but `cursor` and `limit`."""

    name: str
    merchant: str
    filters: dict[str, Any] = {}

    @classmethod
    def asked(cls, name: str, merchant: str, query: Struct) -> ListOf:
        """Name the list that a query asks for."""
        filters = {key: value for key, value in msgspec.to_builtins(query).items() if key not in {"cursor", "limit"}}
        return cls(name=name, merchant=merchant, filters={**filters, "merchant": merchant})


class Cursors:
    """Makes and reads cursors. The first secret makes them; all secrets check them, as for payers' tokens."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self.use_secrets(secrets)

    def use_secrets(self, secrets: Sequence[bytes]) -> None:
        """Use these secrets from now on."""
        self._keys = [hmac.digest(secret, b"extrato cursors", "sha256") for secret in secrets]

    def make(self, place: Any, *, of: ListOf) -> str:
        """Return the cursor of a place in a list; the place is anything that msgspec encodes."""
        body = _encode(place)
        return base64.urlsafe_b64encode(_mac(self._keys[0], body, of) + body).decode().rstrip("=")

    def read(self, cursor: str, kind: type[Place], *, of: ListOf) -> Place:
        """Return the place of a cursor; raises `InvalidBody` for one that this list has not made."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _invalid_cursor() from None
        mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
        is_ours = False
        for key in self._keys:
            is_ours |= hmac.compare_digest(mac, _mac(key, body, of))
        if not is_ours:
            raise _invalid_cursor()
        try:
            return msgspec.msgpack.decode(body, type=kind)
        except msgspec.MsgspecError:
            # A version of the hub before made it.
            raise _invalid_cursor() from None


def _invalid_cursor() -> InvalidBody:
    return invalid_body((Fault("/cursor", Refused("invalid_cursor", "cursor"), "query"),))


def _mac(key: bytes, body: bytes, of: ListOf) -> bytes:
    named = _encode((of.name, of.merchant, sorted(of.filters.items())))
    return hmac.digest(key, _encode((named, body)), "sha256")[:MAC_BYTES]
