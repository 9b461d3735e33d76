"""The life cycle of a payment: which status may follow which, and what changes with it.

Source: the transitions follow from the provider's descriptions of each status, because no official graph
exists; the status details are those of its status table.
"""

from __future__ import annotations

from typing import Any

import msgspec

from services.sandbox.state.money import fee_centavos
from services.sandbox.state.records import Chargeback, Payment

LEGAL_MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"approved", "in_process", "rejected", "cancelled"}),
    "in_process": frozenset({"approved", "pending", "rejected", "cancelled"}),
    "authorized": frozenset({"approved", "cancelled"}),
    "approved": frozenset({"refunded", "in_mediation", "charged_back"}),
    "in_mediation": frozenset({"approved", "refunded", "charged_back"}),
    "rejected": frozenset(),
    "cancelled": frozenset(),
    "refunded": frozenset(),
    "charged_back": frozenset(),
}

_DETAILS = {
    "approved": "accredited",
    "in_process": "pending_contingency",
    "authorized": "pending_capture",
    "rejected": "cc_rejected_other_reason",
    "cancelled": "by_collector",
    "refunded": "refunded",
    "charged_back": "in_process",
    "in_mediation": "pending",
}
# With a paid status the merchant has received the money, even if it was refunded later; with an unpaid one not.
PAID_STATUSES = frozenset({"approved", "in_mediation", "charged_back", "refunded"})
UNPAID_STATUSES = frozenset({"pending", "in_process", "authorized", "rejected", "cancelled"})
# The end of a chargeback: the money is lost, or it comes back. The status stays `charged_back`.
CHARGEBACK_ENDS = frozenset({"settled", "reimbursed"})
_PENDING_DETAILS = {"bank_transfer": "pending_waiting_transfer", "ticket": "pending_waiting_payment"}


class IllegalMove(ValueError):
    """The payment's status does not allow this step; the message names both."""


def usual_detail(status: str, type_id: str) -> str:
    """Return the default detail of a status; an unknown status is its own detail."""
    if status == "pending":
        return _PENDING_DETAILS.get(type_id, "pending_provider_response")
    if status == "rejected" and type_id == "bank_transfer":
        return "rejected_by_bank"
    return _DETAILS.get(status, status)


def may_become(payment: Payment, status: str, *, detail: str | None = None) -> bool:
    """Return True when the life cycle allows this step; a chargeback in process can only end."""
    if payment.status == status == "charged_back":
        return payment.status_detail == "in_process" and detail in CHARGEBACK_ENDS
    return status in LEGAL_MOVES.get(payment.status, frozenset())


def move(
    payment: Payment,
    status: str,
    *,
    now_ms: int,
    detail: str | None = None,
    amount_centavos: int | None = None,
) -> Payment:
    """Return the payment after one step; raises `IllegalMove`."""
    if not may_become(payment, status, detail=detail):
        raise IllegalMove(f"A payment that is {payment.status} cannot become {status}.")
    moved = changed(
        payment,
        now_ms=now_ms,
        status=status,
        status_detail=detail or usual_detail(status, payment.type_id),
        amount_centavos=payment.amount_centavos if amount_centavos is None else amount_centavos,
    )
    return settled(moved, now_ms=now_ms) if status == "approved" else moved


def settled(payment: Payment, *, now_ms: int) -> Payment:
    """Add the effects of an approval: its time, the fee, and a detail for the refunds so far."""
    return msgspec.structs.replace(
        payment,
        captured=True,
        status_detail="partially_refunded" if payment.refunded_centavos else payment.status_detail,
        approved_ms=payment.approved_ms or now_ms,
        fee_centavos=fee_centavos(payment.amount_centavos, payment.type_id),
    )


def charge_back(payment: Payment, *, chargeback_id: int, now_ms: int, detail: str | None = None) -> Payment:
    """Return the payment after its chargeback began or ended; raises `IllegalMove`."""
    moved = move(payment, "charged_back", detail=detail, now_ms=now_ms)
    begun = payment.chargeback or Chargeback(chargeback_id=chargeback_id, created_ms=moved.updated_ms)
    return msgspec.structs.replace(moved, chargeback=begun)


def postponed(payment: Payment, *, expires_ms: int, now_ms: int) -> Payment:
    """Return an open payment with another due date."""
    return changed(payment, now_ms=now_ms, expires_ms=expires_ms)


def changed(payment: Payment, *, now_ms: int, **changes: Any) -> Payment:
    """Return the payment after a change.

    Two changes never have the same time or version, because clients order observations by them.
    """
    return msgspec.structs.replace(
        payment, updated_ms=max(now_ms, payment.updated_ms + 1), version=payment.version + 1, **changes
    )
