"""Derives events from the money of a payment: a change of status, and alerts that begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.events import AlertEnded, AlertRaised, DuplicatePaymentObserved, EventOfOpened, StatusChanged
from extrato.domain.payment.ledger import OWN_DETAILS

if TYPE_CHECKING:
    from extrato.domain.payment.state import Opened

# The conditions behind these alerts can end. The other alerts stay until the merchant resolves them.
_CONDITIONS: Final = ("partially_paid", "overpaid", "duplicate_payment", "late_payment", "mismatched_payment")


def consequences(payment: Opened) -> list[EventOfOpened]:
    """Return the events that record the state in the log; none when the log has them already."""
    return [*_status_changed(payment), *_alerts(payment)]


def _status_changed(payment: Opened) -> list[EventOfOpened]:
    """Return the change of status or of one of the hub's own details; observations carry the provider's details."""
    ledger = payment.ledger
    (previous, announced), now = ledger.announced, ledger.status_detail
    is_own_detail = announced != now and not OWN_DETAILS.isdisjoint({announced, now})
    if ledger.status == previous and not is_own_detail:
        return []
    # Closing a payment is not the result of an attempt.
    is_closing = ledger.closed is not None and ledger.status == "cancelled"
    return [
        StatusChanged(
            previous=previous,
            status=ledger.status,
            status_detail=now,
            attempt_id=None if is_closing else ledger.attempt_id,
            paid_at=ledger.paid_at,
        )
    ]


def _alerts(payment: Opened) -> list[EventOfOpened]:
    occurrences = _occurrences(payment)
    raised: list[EventOfOpened] = [
        _raise(payment, alert, occurrence)
        for alert, names in occurrences.items()
        for occurrence in names
        if (alert, occurrence) not in payment.raised
    ]
    reported = {alert for alert, _ in payment.raised} | set(payment.alerts)
    # A resolved alert ends too, so that the alert can be raised again.
    ended = [AlertEnded(alert=alert) for alert in _CONDITIONS if alert in reported and not occurrences.get(alert)]
    return [*raised, *ended]


def _raise(payment: Opened, alert: str, occurrence: str) -> EventOfOpened:
    if alert != "duplicate_payment":
        return AlertRaised(alert=alert, occurrence=occurrence)
    held, duplicates = payment.ledger.held_of_charge, payment.ledger.duplicates
    return DuplicatePaymentObserved(
        attempt_id=occurrence,
        already_paid_by=next(name for name in held if name not in duplicates),
        amount_centavos=payment.attempts[occurrence].amount_centavos,
    )


def _occurrences(payment: Opened) -> dict[str, list[str]]:
    """Return the attempts behind each alert that can end."""
    ledger = payment.ledger
    if not ledger.attempts and not payment.mismatched:
        return {}
    holders, duplicates = list(ledger.held_of_charge), ledger.duplicates
    held, amount = ledger.total.held, ledger.amount_centavos
    found = {
        "late_payment": [name for name in holders if ledger.attempts[name].is_late],
        "mismatched_payment": [*ledger.other_currencies_held_by, *sorted(payment.mismatched)],
    }
    if not ledger.is_settled and 0 < held < amount:
        found["partially_paid"] = holders
    elif duplicates:
        found["duplicate_payment"] = duplicates
    elif held > amount:
        found["overpaid"] = holders[-1:]
    return found
