"""The lines of a statement: what one event changes in the money of a payment, by attempt.

A line is the difference of an attempt's share before and after an event. So the lines of a payment always add up to
what the payment holds, and a line that is taken back is a reversal of the same kind.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from contracts.events import (
    LatePaymentReceived,
    ObservationMismatched,
    ObservationRecorded,
    PixReturned,
    RefundMade,
    RefundReversed,
)
from contracts.statement_kinds import GIVEN_BACK, RECEIPTS, Kind
from extrato.domain.payment.ledger import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from contracts.events import Event
    from extrato.domain.payment.ledger import Attempt, Ledger, Share


class Booked(Struct, frozen=True):
    """What the lines of one attempt add up to by kind, in centavos, and the latest time at which one is booked."""

    until: datetime
    by_kind: dict[Kind, int]


class _Movement(NamedTuple):
    """A change of an attempt's held and disputed sums, in centavos."""

    kind: Kind
    is_reversal: bool
    amount_centavos: int
    disputed_centavos: int


class Line(NamedTuple):
    """A movement of an attempt's money, in centavos of `currency`, and when it happened.

    `amount_centavos` changes the held sum, and `disputed_centavos` the disputed one. A reversal takes back what earlier
    lines of its kind have booked. `is_summed` is false in another currency than the charge's.
    """

    attempt_id: str
    kind: Kind
    is_reversal: bool
    amount_centavos: int
    disputed_centavos: int
    currency: str
    is_summed: bool
    booked_at: datetime


def book(
    before: Ledger, after: Ledger, event: Event, *, recorded_at: datetime, books: Mapping[str, Booked]
) -> tuple[list[Line], dict[str, Booked]]:
    """Return the lines of an event, in order, and the books of all attempts after it."""
    lines, booked = list[Line](), dict(books)
    for name, attempt in after.attempts.items():
        known = before.attempts.get(name)
        then, now = before.share(name) if known else NOTHING, after.share(name)
        if known is not None and known.currency != attempt.currency:
            # Sums of two currencies have nothing in common: all of the one is taken back.
            steps = [(then, NOTHING, known.currency), (NOTHING, now, attempt.currency)]
        else:
            steps = [(then, now, attempt.currency)]
        for earlier, later, currency in steps:
            if earlier == later:
                continue
            kind = _kind_of_receipt(before, after, name)
            moves = list(_movements(earlier, later, event, kind, booked.get(name)))
            dated = _dated(moves, event, attempt, booked.get(name), recorded_at)
            lines += [Line(name, *move, currency, currency == after.currency, at) for move, at in dated]
            booked[name] = _with(booked.get(name), dated)
    return lines, booked


def _movements(then: Share, now: Share, event: Event, receipt: Kind, booked: Booked | None) -> Iterator[_Movement]:
    """Return the movements between two shares of an attempt, in order."""
    unexplained = now.disputed - then.disputed
    for kind, is_reversal, centavos in _changes(then, now, event, receipt, booked.by_kind if booked else {}):
        is_receipt = kind in RECEIPTS and not is_reversal
        # Money in a dispute leaves the disputed sum, or comes back to it; the held sum stays.
        disputed = 0 if is_receipt else _common(unexplained, centavos)
        unexplained -= disputed
        yield _Movement(kind, is_reversal, centavos - disputed, disputed)
    if unexplained:
        yield _Movement("disputed" if unexplained > 0 else "dispute_won", False, -unexplained, unexplained)


def _dated(
    moves: Sequence[_Movement], event: Event, attempt: Attempt, booked: Booked | None, recorded_at: datetime
) -> list[tuple[_Movement, datetime]]:
    """Date each movement, none before an earlier one of its attempt: the clocks of two reports may differ."""
    moved_at, dated = _moved_at(event, recorded_at), list[tuple[_Movement, datetime]]()
    until = booked.until if booked else None
    for move in moves:
        # Only the first receipt has the time of payment; a provider that repeats an approval repeats that time.
        at = (
            attempt.paid_at
            if until is None and attempt.paid_at and isinstance(event, ObservationRecorded)
            else moved_at
        )
        until = at if until is None else max(until, at)
        dated.append((move, until))
    return dated


def _with(booked: Booked | None, dated: Sequence[tuple[_Movement, datetime]]) -> Booked:
    by_kind = dict(booked.by_kind) if booked else {}
    for move, _ in dated:
        by_kind[move.kind] = by_kind.get(move.kind, 0) + move.amount_centavos + move.disputed_centavos
    return Booked(dated[-1][1], by_kind)


def _changes(
    then: Share, now: Share, event: Event, receipt: Kind, by_kind: Mapping[Kind, int]
) -> Iterator[tuple[Kind, bool, int]]:
    """Return kind, reversal and centavos of what changes the sum of held and disputed money."""
    received, given_back, lost = now.received - then.received, now.refunded - then.refunded, now.lost - then.lost
    if received > 0:
        yield receipt, False, received
    if lost:
        yield "dispute_lost", lost < 0, -lost
    if given_back > 0:
        yield ("returned" if isinstance(event, PixReturned) else "refunded"), False, -given_back
    elif given_back:
        yield from _taken_back(GIVEN_BACK, -given_back, by_kind)
    if received < 0:
        yield from _taken_back(RECEIPTS, received, by_kind)


def _taken_back(
    kinds: tuple[Kind, ...], centavos: int, by_kind: Mapping[Kind, int]
) -> Iterator[tuple[Kind, bool, int]]:
    """Take back what the books have in these kinds, the latest first; `centavos` has the sign of the reversal."""
    left = centavos
    for kind in reversed([each for each in by_kind if each in kinds]):
        part = _common(left, -by_kind[kind])
        if part:
            left -= part
            yield kind, True, part


def _common(one: int, other: int) -> int:
    """Return the smaller of two numbers of the same sign; 0 where the signs differ."""
    return min(one, other, key=abs) if one * other > 0 else 0


def _kind_of_receipt(before: Ledger, after: Ledger, name: str) -> Kind:
    """Return the kind of new money: another attempt has paid, else late, else a part, else the whole."""
    is_ours = after.attempts[name].currency == after.currency
    if is_ours:
        held_by_others = sum(held for each, held in before.held_of_charge.items() if each != name)
        if held_by_others >= before.due_centavos:
            return "received_twice"
    if after.attempts[name].is_late or before.closed is not None or before.status == "cancelled":
        return "received_late"
    return "part_received" if is_ours and not after.is_settled else "received"


def _moved_at(event: Event, recorded_at: datetime) -> datetime:
    """Return when the money moved, as far as the event says it; otherwise when the hub recorded the event."""
    match event:
        case ObservationRecorded() | ObservationMismatched() | RefundReversed():
            return event.observed_at
        case LatePaymentReceived():
            return event.paid_at or event.received_at
        case RefundMade():
            return event.made_at or recorded_at
        case PixReturned():
            return event.returned_at
        case _:
            return recorded_at
