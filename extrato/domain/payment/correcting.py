"""Cancels a payment without money, refunds money, and accepts money that is late or too little."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never
from uuid import UUID, uuid5

from msgspec.structs import replace

from contracts.events import (
    AlertResolved,
    CancellationRefused,
    CancellationRequested,
    EventOfOpened,
    MoneyAccepted,
    PaymentCancelled,
    PixReturned,
    RefundAccepted,
    RefundMade,
    RefundRefused,
    RefundRequested,
    TransferNamed,
)
from contracts.providers import DIRECT_PIX
from extrato.domain.errors import Refused
from extrato.domain.money import format_money
from extrato.domain.payment.state import Charged, ChargeNotCreated, Opened, Requested

if TYPE_CHECKING:
    from extrato.domain.payment.commands import (
        CompleteCancellation,
        RecordRefund,
        RecordReturn,
        RequestRefund,
        ResolveAlert,
    )

REFUND_NAMESPACE: Final = UUID("0d2a3b54-6f1c-5f0e-8f55-0a6b3d7c9e21")


def request_cancellation(payment: Opened) -> list[EventOfOpened]:
    """Request the cancellation. An ended payment records no event; a paid one, or one with held money, is refused.

    A provider's clock may allow payment for longer than the hub's, so an expired payment is closed at the provider too.
    """
    if payment.is_settled:
        raise Refused("payment_already_paid")
    held = payment.ledger.held_by
    if held:
        amounts = ", ".join(_amount(payment, name, centavos) for name, centavos in held.items())
        raise Refused("payment_holds_money", amounts=amounts)
    is_over = _is_over(payment) or payment.is_over_at_provider
    return [] if is_over or payment.cancellation != "none" else [CancellationRequested()]


def _is_over(payment: Opened) -> bool:
    """The payment is closed at the hub and needs no closing at the provider."""
    match payment:
        case Requested():
            return payment.expired
        case Charged():
            return payment.expired and payment.intent.provider == DIRECT_PIX
        case ChargeNotCreated():
            return True
        case _:
            assert_never(payment)


def complete_cancellation(command: CompleteCancellation, payment: Opened) -> list[EventOfOpened]:
    """Cancel the payment, unless it was paid meanwhile or has an attempt in flight."""
    if payment.cancellation != "requested":
        return []
    if payment.is_settled:
        return [CancellationRefused(code="payment_already_paid", reason="The payment was paid meanwhile.")]
    charge_id = payment.charge.charge_id if isinstance(payment, Charged) else None
    if charge_id != command.charge_id or payment.has_attempt_in_flight:
        return []
    return [PaymentCancelled()]


def request_refund(command: RequestRefund, payment: Opened) -> list[EventOfOpened]:
    """Split the request into one refund for each attempt; raises `Refused`."""
    if any(refund.wish_id == command.wish_id for refund in payment.refunds.values()):
        return _repeat_refund(command, payment)
    ledger = payment.ledger
    received = {name for name in ledger.attempts if ledger.share(name).received}
    if command.attempt_id is not None:
        received &= {command.attempt_id}
    if not received:
        raise Refused("payment_not_paid")
    if all(ledger.share(name).refunded == ledger.share(name).received for name in received):
        raise Refused("payment_already_refunded")
    if payment.intent.provider == DIRECT_PIX:
        raise Refused("refund_by_bank_only")
    parts = _all_of(command, payment) if command.amount_centavos is None else _amount_of(command, payment)
    return [
        RefundRequested(
            refund_id=refund_id_of(command.wish_id, name),
            wish_id=command.wish_id,
            attempt_id=name,
            amount_centavos=centavos,
            is_all=command.amount_centavos is None,
            reason=command.reason,
            requested_at=command.now,
            known_refunds=command.known_refunds.get(name),
        )
        for name, centavos in parts.items()
    ]


def refund_id_of(wish_id: str, attempt_id: str) -> str:
    """Return the id of one attempt's refund; repeating the request with the same `wish_id` returns the same id."""
    return str(uuid5(REFUND_NAMESPACE, f"{wish_id} {attempt_id}"))


def _repeat_refund(command: RequestRefund, payment: Opened) -> list[EventOfOpened]:
    known = [refund for refund in payment.refunds.values() if refund.wish_id == command.wish_id]
    is_same_amount = all(
        command.amount_centavos == (None if refund.is_all else refund.amount_centavos) for refund in known
    )
    # Another reason would be lost. An older version kept none, and a hidden one is gone.
    is_same_reason = all(refund.reason in {None, command.reason} for refund in known)
    is_same = is_same_amount and is_same_reason
    if is_same and command.attempt_id in {None, *(refund.attempt_id for refund in known)}:
        return []
    raise Refused("idempotency_key_reused", "Idempotency-Key", why="refund")


def _all_of(command: RequestRefund, payment: Opened) -> dict[str, int]:
    """Return the held money of one attempt, or of every attempt in the charge's currency."""
    ledger = payment.ledger
    if command.attempt_id is not None:
        names = [command.attempt_id]
    else:
        names = [name for name, each in ledger.attempts.items() if each.currency == ledger.currency]
        if not ledger.total.held and ledger.other_currencies_held_by:
            raise _choose_attempt(payment, ledger.other_currencies_held_by)
    if not any(ledger.attempts[name].is_refundable for name in names):
        raise Refused("payment_not_paid")
    parts = {name: left for name in names if (left := ledger.refundable_centavos(name))}
    if not parts:
        raise Refused("refund_exceeds_balance", "amount", left=format_money(0))
    for name, centavos in parts.items():
        _refuse_one_in_process(payment, name, centavos)
    return parts


def _amount_of(command: RequestRefund, payment: Opened) -> dict[str, int]:
    """Return the amount by attempt; the command must name the attempt when several hold money."""
    ledger, centavos = payment.ledger, command.amount_centavos or 0
    held = {name: money for name, money in ledger.held_by.items() if ledger.attempts[name].is_refundable}
    is_plain = len(held) == 1 and not ledger.other_currencies_held_by
    if command.attempt_id is None and held and not is_plain:
        raise _choose_attempt(payment, held)
    name = command.attempt_id or next(iter(held), None)
    if name is None:
        raise Refused("payment_not_paid")
    if not ledger.attempts[name].is_refundable:
        raise Refused("payment_not_paid")
    _refuse_one_in_process(payment, name, centavos)
    left = ledger.refundable_centavos(name)
    if not 0 < centavos <= left:
        raise Refused("refund_exceeds_balance", "amount", left=_amount(payment, name, left))
    return {name: centavos}


def _choose_attempt(payment: Opened, held: dict[str, int]) -> Refused:
    listed = ", ".join(f"{name} ({_amount(payment, name, money)})" for name, money in held.items())
    return Refused("choose_attempt", "mp_payment_id", listed=listed)


def _refuse_one_in_process(payment: Opened, attempt_id: str, centavos: int) -> None:
    """Refuse a second refund of the same amount while the first is in process: the two would look the same."""
    for name, refund in payment.refunds.items():
        is_alike = (refund.attempt_id, refund.amount_centavos) == (attempt_id, centavos)
        if refund.state == "in_process" and is_alike:
            raise Refused("refund_in_progress", "amount", name=name)


def record_refund(command: RecordRefund, payment: Opened) -> list[EventOfOpened]:
    """Record each answer once. When two answers disagree, `RefundMade` wins."""
    answer = command.answer
    known = payment.refunds.get(answer.refund_id)
    if known is None or known.state == "made":
        return []
    match answer:
        case RefundMade():
            return [_dated(answer, payment)]
        case RefundRefused():
            return [answer] if known.is_open else []
        case RefundAccepted():
            return [answer] if known.state == "requested" else []
        case _:
            assert_never(answer)


def _dated(made: RefundMade, payment: Opened) -> RefundMade:
    """Set the time of a refund that the provider did not date, such as one that was in process.

    A refund that is missing in the newest observation gets a later time, so that it counts.
    """
    is_dated = made.made_at is not None and payment.refunds[made.refund_id].state != "in_process"
    if is_dated:
        return made
    refund, ledger = payment.refunds[made.refund_id], payment.ledger
    attempt = ledger.attempts[refund.attempt_id]
    made_since = ledger.made_centavos(refund.attempt_id) - refund.made_before
    would_be_shown = refund.refunded_before + made_since + refund.amount_centavos
    if attempt.status == "refunded" or attempt.refunded_centavos >= would_be_shown:
        return replace(made, made_at=min(made.made_at or attempt.observed_at, attempt.observed_at))
    later = attempt.observed_at + timedelta(microseconds=1)
    return replace(made, made_at=max(made.made_at or later, later))


def accept_money(payment: Opened) -> list[EventOfOpened]:
    """Accept the held money as the payment. Repeating this, or accepting a full payment in time, records no event."""
    held = payment.ledger.total.held
    if not held:
        raise Refused("nothing_to_accept")
    if payment.is_settled and not any(attempt.is_late for attempt in payment.attempts.values()):
        return []
    return [MoneyAccepted(amount_centavos=payment.ledger.due_centavos if payment.is_settled else held)]


def record_return(command: RecordReturn, payment: Opened) -> list[EventOfOpened]:
    """Record a bank's return once; raises `Refused` for an impossible one."""
    ledger, named = payment.ledger, command.end_to_end_id
    known = ledger.returns.get(command.return_id)
    if known is not None:
        is_same_transfer = named is None or payment.transfer(named) == known.attempt_id
        if is_same_transfer and known.amount_centavos == command.amount_centavos:
            return []
        raise Refused("return_id_reused", "return_id")
    name = _transfer(named, payment)
    held = ledger.share(name).held
    if command.amount_centavos > held:
        raise Refused("return_exceeds_held", "amount", held=format_money(held))
    returned = PixReturned(
        return_id=command.return_id,
        attempt_id=name,
        amount_centavos=command.amount_centavos,
        returned_at=command.returned_at,
    )
    is_named_now = named is not None and payment.transfer(named) is None
    return [TransferNamed(end_to_end_id=named), returned] if named and is_named_now else [returned]


def _transfer(end_to_end_id: str | None, payment: Opened) -> str:
    """Return the named transfer, or the only one with held money."""
    held, unnamed = payment.ledger.held_by, payment.intent.bank_payment_id
    if end_to_end_id is not None:
        known = payment.transfer(end_to_end_id)
        if known is not None:
            return known
        if unnamed in payment.attempts and payment.name_of_unnamed is None:
            # The bank confirmed this transfer without its name.
            return unnamed
        raise Refused("unknown_transfer", "end_to_end_id")
    if len(held) > 1:
        raise Refused("choose_transfer", "end_to_end_id", listed=", ".join(held))
    if not held:
        raise Refused("return_exceeds_held", "amount", why="nothing")
    return next(iter(held))


def resolve_alert(command: ResolveAlert, payment: Opened) -> list[EventOfOpened]:
    """Resolve an open alert; a closed one records no event. Raises `Refused` for an alert that was never raised."""
    if command.alert in payment.alerts:
        return [AlertResolved(alert=command.alert, reason=command.reason)]
    if command.alert in payment.alerts_so_far:
        return []
    raise Refused("alert_not_found", "alert")


def _amount(payment: Opened, attempt_id: str, centavos: int) -> str:
    return format_money(centavos, payment.attempts[attempt_id].currency)
