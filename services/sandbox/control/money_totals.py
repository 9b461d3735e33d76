"""The money of payments, computed from their own fields: held, refunded, disputed and lost.

Gross amounts in centavos, without fees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.state.lifecycle import PAID_STATUSES, UNPAID_STATUSES
from services.sandbox.state.order_names import order_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.sandbox.state.records import Payment


def money_body(payments: Iterable[Payment]) -> dict[str, Any]:
    """Return the money of each payment and the sums by currency, as JSON."""
    rows, sums = [], dict[str, dict[str, int]]()
    for payment in payments:
        counted = counted_money(payment)
        rows.append(
            {
                "payment_id": str(payment.payment_id),
                "order_id": None if payment.online_order is None else order_name(payment),
                "status": payment.status,
                "status_detail": payment.status_detail,
                "amount_centavos": payment.amount_centavos,
                "currency": payment.currency_id,
                **counted,
            }
        )
        before = sums.get(payment.currency_id, {})
        sums[payment.currency_id] = {name: before.get(name, 0) + value for name, value in counted.items()}
    return {"payments": rows, "by_currency": sums}


def counted_money(payment: Payment) -> dict[str, int]:
    """Split the received amount of a payment into four parts; all are 0 when nothing was received.

    A payment with an unknown status counts as received if it was approved before.
    """
    is_known = payment.status in PAID_STATUSES or payment.status in UNPAID_STATUSES
    is_received = payment.status in PAID_STATUSES or (not is_known and payment.approved_ms is not None)
    received = payment.amount_centavos if is_received else 0
    refunded = received if payment.status == "refunded" else payment.refunded_centavos
    disputed = lost = 0
    if payment.status == "in_mediation" or (payment.status, payment.status_detail) == ("charged_back", "in_process"):
        disputed = received - refunded
    elif (payment.status, payment.status_detail) == ("charged_back", "settled"):
        lost = received - refunded
    return {
        "held_centavos": received - refunded - disputed - lost,
        "refunded_centavos": refunded,
        "disputed_centavos": disputed,
        "lost_centavos": lost,
    }
