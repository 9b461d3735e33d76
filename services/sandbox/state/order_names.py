"""The names of the Orders API: `ORD01…`, `PAY01…` and `REF01…`, a kind followed by a ULID.

Source: captured answers. A name follows from the time and the id of its record, so that it is the same after a
restart.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.sandbox.state.records import Payment, Refund

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_INSTANT_DIGITS, _CHANCE_DIGITS = 10, 16
_CHANCE_BYTES = 10


def order_name(payment: Payment) -> str:
    """Return the name of an order; a test user's begins with `ORDTST`."""
    is_test = payment.online_order is not None and payment.online_order.is_test
    return _name("ORDTST" if is_test else "ORD", at_ms=payment.created_ms, number=payment.payment_id)


def transaction_name(payment: Payment) -> str:
    """Return the name of the one payment in an order."""
    return _name("PAY", at_ms=payment.created_ms, number=payment.payment_id)


def refund_name(refund: Refund) -> str:
    """Return the name of a refund of an order."""
    return _name("REF", at_ms=refund.created_ms, number=refund.refund_id)


def reference_name(payment: Payment) -> str:
    """Return the `reference_id` of an order's payment, which is not the payment's id.

    It is unknown whether the real one is that id; a client that needs the id must get it from another field.
    """
    return _chance("reference", payment.payment_id)[:11].lower()


def _name(kind: str, *, at_ms: int, number: int) -> str:
    return f"{kind}{_crockford(at_ms, digits=_INSTANT_DIGITS)}{_chance(kind, number)}"


def _chance(kind: str, number: int) -> str:
    digest = hashlib.sha256(f"{kind} {number}".encode()).digest()
    return _crockford(int.from_bytes(digest[:_CHANCE_BYTES]), digits=_CHANCE_DIGITS)


def _crockford(number: int, *, digits: int) -> str:
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(5 * (digits - 1), -1, -5))
