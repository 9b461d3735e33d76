"""The life cycle of a refund: in process, then approved or not; an approved refund can be reversed.

Source: mercadopago help page "refund-pix": a refund that waits for the central bank is `in_process`, and ends
`approved`, `rejected` or `cancelled`. Users report reversed refunds, after which the payment was approved again.
"""

from __future__ import annotations

import msgspec

from services.sandbox.state.lifecycle import IllegalMove, changed
from services.sandbox.state.records import Payment, Refund

# The possible next statuses of a refund.
_ENDS: dict[str, frozenset[str]] = {
    "in_process": frozenset({"approved", "rejected", "cancelled"}),
    "approved": frozenset({"rejected", "cancelled"}),
}


class ExcessiveRefund(ValueError):
    """The refund exceeds the rest of the payment."""


def refund(payment: Payment, *, refund_id: int, amount_centavos: int | None, now_ms: int) -> Payment:
    """Return the payment after a refund of an amount, or of the rest.

    A partly refunded payment stays approved; it becomes refunded when the refunds reach the total.
    Raises `IllegalMove` or `ExcessiveRefund`.
    """
    started = start_refund(payment, refund_id=refund_id, amount_centavos=amount_centavos, now_ms=now_ms)
    return end_refund(started, refund_id, status="approved", now_ms=now_ms)


def start_refund(payment: Payment, *, refund_id: int, amount_centavos: int | None, now_ms: int) -> Payment:
    """Return the payment with another refund in process, of an amount or of the rest.

    The amount is reserved. The payment itself does not change, so it keeps its version and its time.
    Raises `IllegalMove` or `ExcessiveRefund`.
    """
    left_centavos = payment.refundable_centavos
    if payment.status not in {"approved", "in_mediation"} or left_centavos == 0:
        raise IllegalMove(f"A payment that is {payment.status} cannot be refunded.")
    if amount_centavos is None:
        amount_centavos = left_centavos
    if amount_centavos > left_centavos:
        raise ExcessiveRefund(f"Only {left_centavos} centavos are left to refund.")
    begun = Refund(refund_id=refund_id, amount_centavos=amount_centavos, created_ms=now_ms, status="in_process")
    return msgspec.structs.replace(payment, refunds=(*payment.refunds, begun))


def end_refund(payment: Payment, refund_id: int, *, status: str, now_ms: int) -> Payment:
    """Return the payment after its refund was approved, rejected or reversed; raises `IllegalMove`."""
    ended = []
    for each in payment.refunds:
        if each.refund_id != refund_id:
            ended.append(each)
        elif status in _ENDS.get(each.status, frozenset()):
            ended.append(msgspec.structs.replace(each, status=status))
        else:
            raise IllegalMove(f"A refund that is {each.status} cannot become {status}.")
    return _counted(changed(payment, now_ms=now_ms, refunds=tuple(ended)))


def _counted(payment: Payment) -> Payment:
    """Return a paid payment with the status that follows from its approved refunds; others keep their status."""
    status, detail = payment.status, payment.status_detail
    if status not in {"approved", "in_mediation", "refunded"}:
        return payment
    if payment.refunded_centavos == payment.amount_centavos:
        status, detail = "refunded", "refunded"
    elif status != "in_mediation":
        is_whole_again = status == "refunded" or detail == "partially_refunded"
        status = "approved"
        if payment.refunded_centavos:
            detail = "partially_refunded"
        elif is_whole_again:
            detail = "accredited"
    return msgspec.structs.replace(payment, status=status, status_detail=detail)
