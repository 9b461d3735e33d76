"""Rules about the payer's data: what a payment still needs it for, forgetting, and holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from contracts.events import PayerForgotten, PaymentHeld, PaymentReleased, TextHidden
from extrato.domain.errors import Refused
from extrato.domain.payment.state import Requested

if TYPE_CHECKING:
    from contracts.events import EventOfOpened
    from extrato.domain.payment.commands import ForgetPayer, HoldPayment, RecordObservation
    from extrato.domain.payment.state import Opened

Need = Literal["charge", "payment", "cancellation", "refund", "dispute"]


def needs_payer_for(payment: Opened) -> list[Need]:
    """Return what must end before the payer can be forgotten; empty when nothing is in flight."""
    is_open = payment.may_still_be_paid or (payment.has_attempt_in_flight and not payment.is_closed)
    in_flight: dict[Need, bool] = {
        "charge": isinstance(payment, Requested) and not payment.is_closed,
        "payment": is_open,
        "cancellation": payment.cancellation == "requested",
        "refund": bool(payment.ledger.open_refunds),
        "dispute": payment.ledger.total.disputed > 0,
    }
    return [need for need, is_needed in in_flight.items() if is_needed]


def forget_payer(command: ForgetPayer, payment: Opened) -> list[EventOfOpened]:
    """Record the forgetting once; the key is already destroyed, so nothing can refuse it."""
    if payment.is_forgotten:
        return []
    return [PayerForgotten(reason=command.reason, requested_by=command.requested_by, requested_at=command.requested_at)]


def hide_text(payment: Opened) -> list[EventOfOpened]:
    """Hide the merchant's text once."""
    return [] if payment.is_text_hidden else [TextHidden()]


def hold_payment(command: HoldPayment, payment: Opened) -> list[EventOfOpened]:
    """Begin or replace a hold; raises `Refused` after the payer was forgotten."""
    if payment.is_forgotten:
        raise Refused("payer_forgotten")
    held = PaymentHeld(reason=command.reason, until=command.until)
    return [] if payment.hold == held else [held]


def release_payment(payment: Opened) -> list[EventOfOpened]:
    """End the hold."""
    return [] if payment.hold is None else [PaymentReleased()]


def without_payer(command: RecordObservation, payment: Opened) -> RecordObservation:
    """Drop the e-mail address of an answer after the payer was forgotten; its key is destroyed."""
    return replace(command, payer_email=None) if payment.is_forgotten else command
