"""Reads values of paths, queries and headers; raises `Refused` for a fault. `bodies.py` reads bodies."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from contracts.digits import PAYMENT_DIGITS, number_in
from contracts.operations.common import IDEMPOTENCY_KEY_PATTERN
from extrato.domain.errors import Refused
from extrato.use_cases.idempotency import IdempotencyKey
from services.gateway.http.values import single

if TYPE_CHECKING:
    from multidict import MultiMapping

MAX_PAYMENT_ID: Final = (1 << 47) - 1
MAX_LIMIT: Final = 1000
MAX_ALERT: Final = 64
IS_IDEMPOTENCY_KEY: Final = re.compile(IDEMPOTENCY_KEY_PATTERN).fullmatch


def payment_id(value: str) -> int:
    """Read a payment's number from a path or a query."""
    if not (value.isascii() and value.isdigit()):
        raise Refused("invalid_payment_id", "payment_id", name=value[:40])
    number = number_in(value, digits=PAYMENT_DIGITS)
    if number is None or not 0 < number <= MAX_PAYMENT_ID:
        raise not_found(value[:40])
    return number


def not_found(number: object) -> Refused:
    """Return the error for a missing payment and for one that the caller may not read: both get the same answer."""
    return Refused("payment_not_found", str(number))


def alert(value: str) -> str:
    """Read the name of an alert from a path; an unknown one is cut to the length that an error may repeat."""
    return value[:MAX_ALERT]


def limit(query: MultiMapping[str], *, default: int) -> int:
    """Read the `limit` of a list; an empty one counts as absent."""
    value = (single(query, "limit") or "").strip()
    if not value:
        return default
    wanted = number_in(value, digits=9)
    if wanted is None or not 1 <= wanted <= MAX_LIMIT:
        raise Refused("invalid_limit", "limit", maximum=MAX_LIMIT)
    return wanted


def idempotency_key(headers: MultiMapping[str], *, route: str, body: bytes) -> IdempotencyKey | None:
    """Read the Idempotency-Key of a request; each `route` has its own keys. `body` tells two requests apart."""
    value = single(headers, "Idempotency-Key")
    if value is None:
        return None
    if not IS_IDEMPOTENCY_KEY(value):
        raise Refused("invalid_idempotency_key", "Idempotency-Key")
    return IdempotencyKey(key=f"{route}\n{value}", request_digest=hashlib.sha256(body).hexdigest())
