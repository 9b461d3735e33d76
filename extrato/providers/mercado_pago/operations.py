"""The names of Mercado Pago's operations in the metrics: those of the client's methods."""

from __future__ import annotations

import re
from typing import Final

OTHER: Final = "other"

OPERATIONS: Final = tuple(
    (method, re.compile(path), name)
    for method, path, name in (
        ("GET", r"/users/me", "get_own_account"),
        ("POST", r"/checkout/preferences", "create_preference"),
        ("PUT", r"/checkout/preferences/[^/]+", "close_preference"),
        ("GET", r"/v1/payments/search", "search_payments"),
        ("POST", r"/v1/payments", "create_pix"),
        ("GET", r"/v1/payments/[^/]+", "get_payment"),
        ("PUT", r"/v1/payments/[^/]+", "cancel_payment"),
        ("POST", r"/v1/payments/[^/]+/refunds", "refund_payment"),
        ("GET", r"/v1/payments/[^/]+/refunds", "get_refunds"),
        ("POST", r"/v1/orders", "create_order"),
        ("GET", r"/v1/orders/[^/]+", "get_order"),
        ("POST", r"/v1/orders/[^/]+/cancel", "cancel_order"),
        ("POST", r"/v1/orders/[^/]+/refund", "refund_order"),
        ("GET", r"/merchant_orders/[^/]+", "get_merchant_order"),
    )
)


def operation_of(method: str, path: str) -> str:
    """Return the operation of a request, without the ids in its path."""
    for wanted, pattern, name in OPERATIONS:
        if method == wanted and pattern.fullmatch(path):
            return name
    return OTHER
