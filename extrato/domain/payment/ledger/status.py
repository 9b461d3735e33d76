"""Derives the status of a payment, its detail and the deciding attempt from the ledger's money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from contracts.payment_status import KNOWN

if TYPE_CHECKING:
    from datetime import datetime

    from extrato.domain.payment.ledger.attempts import Attempt
    from extrato.domain.payment.ledger.state import Ledger, Share, Shares

PARTIALLY_PAID: Final = "partially_paid"
OTHER_CURRENCY: Final = "other_currency"
OWN_DETAILS: Final = frozenset({PARTIALLY_PAID, OTHER_CURRENCY})
"""Details that the hub sets, not a provider: they say how much of the charge is held."""

# The deciding attempt has the highest weight: held money, then refunded money, then an open attempt, then a refusal.
_WEIGHT: Final = {
    "approved": 9,
    "in_mediation": 8,
    "charged_back": 7,
    "refunded": 6,
    "authorized": 5,
    "in_process": 4,
    "pending": 3,
    "rejected": 1,
    "cancelled": 1,
}
_WEIGHT_OF_UNKNOWN: Final = 2
# Money came, and its status is unknown: it outweighs open attempts and refunds.
_WEIGHT_OF_PAID_AND_UNKNOWN: Final = 8


def with_status(before: Ledger, booked: Ledger) -> Ledger:
    """Derive the status, its detail and the deciding attempt from the money."""
    if not booked.attempts:
        if booked.closed is None or booked.is_settled:
            return booked
        return replace(booked, status="cancelled", status_detail=_closing_detail(booked))
    shares = {name: booked.share(name) for name in booked.attempts}
    deciding_id, is_settled = _deciding_attempt(booked, shares), _is_settled(before, booked, shares)
    if is_settled:
        status, detail = _settled_status(booked, shares, deciding_id)
    else:
        status, detail = _unsettled_status(booked, shares, deciding_id)
    # The provider withdrew the accepted money.
    accepted = booked.accepted_centavos if is_settled or not booked.is_settled else None
    return replace(
        booked,
        is_settled=is_settled,
        accepted_centavos=accepted,
        status=status,
        status_detail=detail,
        attempt_id=deciding_id,
    )


def _is_settled(before: Ledger, booked: Ledger, shares: Shares) -> bool:
    """The charge is settled; a new attempt counts with its whole amount, a known one with its held money."""
    reached = received = 0
    for name, attempt in booked.attempts.items():
        if attempt.currency != booked.currency or attempt.awaits_acceptance or not attempt.was_paid:
            continue
        known = before.attempts.get(name)
        is_new = known is None or not known.was_paid or known.awaits_acceptance
        reached += attempt.amount_centavos if is_new else shares[name].held
        received += attempt.amount_centavos
    due = booked.due_centavos
    return (booked.is_settled or reached >= due) and received >= due


def _deciding_attempt(ledger: Ledger, shares: Shares) -> str:
    """Choose the deciding attempt: in the charge's currency, of the highest weight, the one before, or the latest."""
    if len(ledger.attempts) == 1:
        return next(iter(ledger.attempts))

    def weight(name: str) -> tuple[bool, bool, int, bool, datetime, str]:
        attempt, spoke = ledger.attempts[name], name == ledger.attempt_id
        is_ours = attempt.currency == ledger.currency
        return is_ours, not attempt.awaits_acceptance, _weight(attempt, shares[name]), spoke, attempt.observed_at, name

    return max(ledger.attempts, key=weight)


def _weight(attempt: Attempt, share: Share) -> int:
    unknown = _WEIGHT_OF_PAID_AND_UNKNOWN if attempt.was_paid else _WEIGHT_OF_UNKNOWN
    return _WEIGHT.get(_effective_status(attempt, share), unknown)


def _effective_status(attempt: Attempt, share: Share) -> str:
    """Return the status of an attempt, corrected by its refunds and disputes."""
    if attempt.was_paid and share.refunded == share.received > 0:
        return "refunded"
    if attempt.status == "charged_back" and share.held:
        return "approved"
    return attempt.status


def _settled_status(ledger: Ledger, shares: Shares, deciding_id: str) -> tuple[str, str | None]:
    attempt = ledger.attempts[deciding_id]
    status, total = _effective_status(attempt, shares[deciding_id]), ledger.total_of(shares)
    if not total.held:
        return status, attempt.status_detail if status == attempt.status else status
    if status not in KNOWN:
        return status, attempt.status_detail
    detail = attempt.status_detail if attempt.status == "approved" else "accredited"
    is_alone = attempt.amount_centavos >= ledger.due_centavos
    if total.held >= ledger.due_centavos:
        is_partial = detail is not None and detail.startswith("partially_")
        return "approved", detail if is_alone and not is_partial else "accredited"
    if is_alone and detail is not None and detail.startswith("partially_"):
        return "approved", detail
    return "approved", "partially_charged_back" if total.disputed + total.lost else "partially_refunded"


def _unsettled_status(ledger: Ledger, shares: Shares, deciding_id: str) -> tuple[str, str | None]:
    held = ledger.total_of(shares).held
    held_elsewhere = any(
        share.held and ledger.attempts[name].currency != ledger.currency for name, share in shares.items()
    )
    if ledger.closed and not (ledger.closed == "charge_refused" and _may_yet_be_paid(ledger)):
        if 0 < held < ledger.amount_centavos:
            return "cancelled", PARTIALLY_PAID
        if not held and held_elsewhere:
            return "cancelled", OTHER_CURRENCY
        return "cancelled", _closing_detail(ledger)
    if held:
        return "pending", PARTIALLY_PAID
    if held_elsewhere:
        return "pending", OTHER_CURRENCY
    return _unpaid_status(ledger, shares, deciding_id)


def _unpaid_status(ledger: Ledger, shares: Shares, deciding_id: str) -> tuple[str, str | None]:
    """Return the status of a payment without held money: that of the leading attempt."""
    unpaid = {name: each for name, each in ledger.attempts.items() if not each.was_paid}
    if not unpaid:
        own_id = ledger.own_attempt_id or ""
        own = ledger.attempts.get(own_id)
        if own is None:
            return "pending", None
        status = _effective_status(own, shares[own_id])
        return status, own.status_detail if status == own.status else status

    def weight(name: str) -> tuple[int, bool, datetime, str]:
        return _weight(unpaid[name], shares[name]), name == deciding_id, unpaid[name].observed_at, name

    leading = unpaid[max(unpaid, key=weight)]
    if leading.status == "cancelled" and ledger.own_attempt_id is None:
        # The payer gave up one attempt; the link accepts another.
        return "pending", None
    return leading.status, leading.status_detail


def _may_yet_be_paid(ledger: Ledger) -> bool:
    return any(not attempt.has_ended for attempt in ledger.attempts.values())


def _closing_detail(ledger: Ledger) -> str | None:
    """Return why the payment was closed; the first reason stays."""
    if ledger.status == "cancelled" and ledger.status_detail not in OWN_DETAILS:
        return ledger.status_detail
    return ledger.closed
