"""Closing a payment that was not paid, and giving money back for one that was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.events import (
    CancellationRefused,
    CancellationRequested,
    ChargeCreated,
    ChargeRefused,
    PaymentCancelled,
    PaymentEvent,
    RefundMade,
    RefundRequested,
)
from extrato.domain.errors import Refused
from extrato.domain.money import format_brl
from extrato.domain.payment.state import Opened, closed_as

if TYPE_CHECKING:
    from extrato.domain.payment.commands import CompleteCancellation, RecordRefund, RequestRefund


def request_cancellation(payment: Opened) -> list[PaymentEvent]:
    """What is over already stays so, silently; what is paid can only be refunded.

    A provider's own clock may let a payer pay for longer than the hub's: what expired is closed there as well.
    """
    if payment.is_settled:
        raise Refused("payment_already_paid", "O pagamento já foi pago; use o estorno")
    holds_nothing = payment.intent.provider == "pix" or not payment.is_charged
    is_over = (
        payment.is_over_at_provider
        or isinstance(payment.charge, ChargeRefused)
        or (payment.expired and holds_nothing)
        or payment.cancellation != "none"
    )
    return [] if is_over else [CancellationRequested()]


def complete_cancellation(command: CompleteCancellation, payment: Opened) -> list[PaymentEvent]:
    """Close it, unless it was paid meanwhile, or the provider still holds an attempt that may go through."""
    if payment.cancellation != "requested":
        return []
    if payment.is_settled:
        return [CancellationRefused(code="payment_already_paid", reason="The payment was paid meanwhile.")]
    charge_id = payment.charge.charge_id if isinstance(payment.charge, ChargeCreated) else None
    if charge_id != command.charge_id:
        return []
    if payment.has_attempt_in_flight:
        return []
    events: list[PaymentEvent] = [PaymentCancelled()]
    if payment.status != "cancelled":
        events.append(closed_as(payment, "cancelled", "by_collector"))
    return events


def request_refund(command: RequestRefund, payment: Opened) -> list[PaymentEvent]:
    """Take the wish to give money back of a paid payment, against what is left; raises `Refused`."""
    known = payment.refunds.get(command.refund_id)
    if known is not None:
        is_same_amount = command.amount_centavos == (None if known.is_all else known.amount_centavos)
        if is_same_amount and command.attempt_id in {None, known.attempt_id}:
            return []
        raise Refused("idempotency_key_reused", "This Idempotency-Key was used for another refund.", "Idempotency-Key")
    if payment.status == "refunded":
        raise Refused("payment_already_refunded", "O pagamento já foi estornado por inteiro")
    attempt_id = command.attempt_id or payment.attempt_id
    attempt = payment.attempts.get(attempt_id or "")
    if attempt_id is None or attempt is None or not attempt.is_refundable:
        raise Refused("payment_not_paid", "Só um pagamento aprovado pode ser estornado")
    if payment.intent.provider == "pix":
        raise Refused("refund_by_bank_only", "Um Pix direto é devolvido pelo aplicativo do banco da loja")
    left = payment.refundable_centavos(attempt_id)
    amount_centavos = left if command.amount_centavos is None else command.amount_centavos
    if not 0 < amount_centavos <= left:
        raise Refused("refund_exceeds_balance", f"Restam {format_brl(left)} a estornar", "amount")
    return [
        RefundRequested(
            refund_id=command.refund_id,
            attempt_id=attempt_id,
            amount_centavos=amount_centavos,
            is_all=command.amount_centavos is None,
            requested_at=command.now,
        )
    ]


def record_refund(command: RecordRefund, payment: Opened) -> list[PaymentEvent]:
    """Record an answer once; of two that disagree, the one that money moved is right."""
    known = payment.refunds.get(command.answer.refund_id)
    if known is None or known.state == "made":
        return []
    return [command.answer] if known.state == "requested" or isinstance(command.answer, RefundMade) else []
