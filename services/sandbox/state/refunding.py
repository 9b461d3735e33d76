"""The life of a refund: it is in process, then made or not; one that was made can be taken back.

Source: mercadopago help page "refund-pix": a refund that waits for the central bank is `in_process`, and ends
`approved`, `rejected` or `cancelled`. Users report made refunds that were taken back, with the payment approved again.
"""

from __future__ import annotations

import msgspec

from services.sandbox.state.lifecycle import IllegalMove, changed
from services.sandbox.state.records import Payment, Refund

# What may become of a refund.
_ENDS: dict[str, frozenset[str]] = {
    "in_process": frozenset({"approved", "rejected", "cancelled"}),
    "approved": frozenset({"rejected", "cancelled"}),
}


class ExcessiveRefund(ValueError):
    """More is asked back than is left of the payment."""


def refund(payment: Payment, *, refund_id: int, amount_centavos: int | None, now_ms: int) -> Payment:
    """Return the payment after giving back an amount, or all that is left.

    A partly refunded payment stays approved; when the refunds reach the total it becomes refunded by itself.
    Raises `IllegalMove` or `ExcessiveRefund`.
    """
    started = start_refund(payment, refund_id=refund_id, amount_centavos=amount_centavos, now_ms=now_ms)
    return end_refund(started, refund_id, status="approved", now_ms=now_ms)


def start_refund(payment: Payment, *, refund_id: int, amount_centavos: int | None, now_ms: int) -> Payment:
    """Return the payment with a further refund in process, of an amount or of all that is left.

    The amount is reserved. The payment itself does not change, so it keeps its version and its instant.
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
    """Return the payment after its refund was made, refused or taken back; raises `IllegalMove`."""
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
    """Give a paid payment the status that its made refunds amount to; any other keeps the status it has."""
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
