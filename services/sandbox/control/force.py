"""Forced changes of a payment, beyond what its life cycle allows.

Source: users report changes that no documentation explains (from rejected to approved with one id, from approved to
cancelled, rejected or pending), and a provider can add a status at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from services.sandbox.state.lifecycle import PAID_STATUSES, UNPAID_STATUSES, IllegalMove, changed, settled, usual_detail
from services.sandbox.state.records import Chargeback, Payment, Refund
from services.sandbox.state.refunding import refund

if TYPE_CHECKING:
    from collections.abc import Callable


def force(
    payment: Payment,
    status: str,
    *,
    detail: str | None,
    amount_centavos: int | None,
    now_ms: int,
    new_id: Callable[[], int],
) -> Payment:
    """Return the payment with any status, unknown ones included, and matching refunds and amounts.

    An unpaid payment has neither approval nor fee, and its refunds become cancelled. An approved payment holds money,
    so refunds of the whole amount become cancelled. With `refunded`, `amount_centavos` is the refunded amount, by
    default the rest. Raises `IllegalMove` when the refunds exceed the amount, and `ExcessiveRefund`.
    """
    if status == "refunded":
        return _refunded(payment, detail=detail, amount_centavos=amount_centavos, now_ms=now_ms, new_id=new_id)
    moved = changed(
        payment,
        now_ms=now_ms,
        status=status,
        status_detail=usual_detail(status, payment.type_id),
        amount_centavos=payment.amount_centavos if amount_centavos is None else amount_centavos,
        refunds=_kept_refunds(payment, status),
    )
    if moved.refundable_centavos < 0:
        raise IllegalMove("The refunds of this payment exceed the amount.")
    if status in UNPAID_STATUSES:
        moved = msgspec.structs.replace(moved, approved_ms=None, fee_centavos=0)
    if status in PAID_STATUSES:
        paid = settled(moved, now_ms=now_ms)
        moved = paid if status == "approved" else msgspec.structs.replace(paid, status_detail=moved.status_detail)
    if status == "charged_back" and moved.chargeback is None:
        begun = Chargeback(chargeback_id=new_id(), created_ms=moved.updated_ms)
        moved = msgspec.structs.replace(moved, chargeback=begun)
    return _detailed(moved, detail)


def _refunded(
    payment: Payment, *, detail: str | None, amount_centavos: int | None, now_ms: int, new_id: Callable[[], int]
) -> Payment:
    """Refund the payment from any status; a full refund also approves the refunds in process."""
    if payment.status == "refunded" and amount_centavos is None:
        return _detailed(changed(payment, now_ms=now_ms), detail)
    if payment.status not in {"approved", "in_mediation", "refunded"}:
        payment = force(payment, "approved", detail=None, amount_centavos=None, now_ms=now_ms, new_id=new_id)
    if amount_centavos is None:
        made = _ended(payment.refunds, {"in_process"}, "approved")
        payment = msgspec.structs.replace(payment, refunds=made)
        if payment.refundable_centavos == 0:
            return _detailed(changed(payment, now_ms=now_ms, status="refunded", status_detail="refunded"), detail)
    return _detailed(refund(payment, refund_id=new_id(), amount_centavos=amount_centavos, now_ms=now_ms), detail)


def _kept_refunds(payment: Payment, status: str) -> tuple[Refund, ...]:
    is_all_given_back = payment.refunded_centavos == payment.amount_centavos
    if status in UNPAID_STATUSES or (status == "approved" and is_all_given_back):
        return _ended(payment.refunds, {"in_process", "approved"}, "cancelled")
    return payment.refunds


def _ended(refunds: tuple[Refund, ...], ending: set[str], status: str) -> tuple[Refund, ...]:
    return tuple(msgspec.structs.replace(each, status=status) if each.status in ending else each for each in refunds)


def _detailed(payment: Payment, detail: str | None) -> Payment:
    return payment if detail is None else msgspec.structs.replace(payment, status_detail=detail)
