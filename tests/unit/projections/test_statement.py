"""The lines of `statement` after events of a payment, and their sum after any history."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts import events
from contracts.statement_kinds import GIVEN_BACK, RECEIPTS
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from services.projections.read_models.statement import STATEMENT, added, read, row
from tests.unit.projections.history import (
    AFTER_THE_OPENING,
    EXPIRED,
    LATE,
    NOON,
    PAYMENT_ID,
    REFUND,
    REFUND_MADE,
    RETURNED,
    enveloped,
    observed,
    opened,
    recorded_at,
)

AMOUNT = 2599
COLUMNS = ("payment_id", "reference", "description", "document")


def at(minute: float):
    return NOON + timedelta(minutes=minute)


def booked(*happened: events.PaymentEvent) -> list[tuple[str, int]]:
    """The kinds of the lines after the opening, with the change of the held sum; a reversal has a minus."""
    return [("-" * line.is_reversal + line.kind, line.amount_centavos) for line in lines(opened(), *happened)]


def lines(*happened: events.PaymentEvent) -> list[Any]:
    """The lines of each event; between the events the document is stored and read."""
    document, found = None, []
    for position, event in zip(count(1), happened, strict=False):
        envelope = enveloped(event, position=position)
        after = STATEMENT.evolve(document, envelope)
        if after is not document and after is not None:
            assert [each[2] for each in added(after, envelope)] == list(
                range(len(found) + 1, len(found) + 1 + len(after.added))
            )
            found += after.added
            stored = dict(zip(COLUMNS, row(after, envelope), strict=True))
            assert read(stored) == (PAYMENT_ID, replace(after, added=()))
            document = read(stored)[1]
        else:
            document = after
    return found


PAID = observed("approved", paid_at=at(3), minute=4)
DISPUTED = observed("charged_back", detail="in_process", paid_at=at(3), minute=6)


@pytest.mark.parametrize(
    ("happened", "kinds"),
    [
        ([PAID], [("received", AMOUNT)]),
        ([observed("pending"), PAID], [("received", AMOUNT)]),
        ([EXPIRED, PAID], [("received_late", AMOUNT)]),
        ([EXPIRED, replace(PAID, amount_centavos=1000)], [("received_late", 1000)]),
        ([LATE], [("received_late", AMOUNT)]),
        ([LATE, events.MoneyAccepted(amount_centavos=AMOUNT)], [("received_late", AMOUNT)]),
        ([LATE, RETURNED], [("received_late", AMOUNT), ("returned", -AMOUNT)]),
        ([PAID, observed("approved", attempt="a2")], [("received", AMOUNT), ("received_twice", AMOUNT)]),
        ([PAID, EXPIRED, observed("approved", attempt="a2")], [("received", AMOUNT), ("received_twice", AMOUNT)]),
        (
            [observed("approved", amount=2000), observed("approved", attempt="a2", amount=599)],
            [("part_received", 2000), ("received", 599)],
        ),
        ([observed("approved", amount=2600)], [("received", 2600)]),
        ([observed("approved", amount=5000, currency="ARS")], [("received", 5000)]),
        ([PAID, observed("rejected", minute=6)], [("received", AMOUNT), ("-received", -AMOUNT)]),
        (
            [EXPIRED, PAID, observed("pending", minute=6), replace(PAID, observed_at=at(9))],
            [("received_late", AMOUNT), ("-received_late", -AMOUNT), ("received_late", AMOUNT)],
        ),
        ([PAID, REFUND, REFUND_MADE], [("received", AMOUNT), ("refunded", -100)]),
        ([PAID, REFUND], [("received", AMOUNT)]),
        (
            [PAID, REFUND, REFUND_MADE, observed("approved", refunded=100, minute=6)],
            [("received", AMOUNT), ("refunded", -100)],
        ),
        (
            [PAID, observed("approved", refunded=100, minute=6), observed("approved", minute=8)],
            [("received", AMOUNT), ("refunded", -100), ("-refunded", 100)],
        ),
        ([observed("refunded", minute=6)], [("received", AMOUNT), ("refunded", -AMOUNT)]),
        (
            [PAID, observed("refunded", minute=6), observed("rejected", minute=8)],
            [("received", AMOUNT), ("refunded", -AMOUNT), ("-refunded", AMOUNT), ("-received", -AMOUNT)],
        ),
        ([PAID, DISPUTED], [("received", AMOUNT), ("disputed", -AMOUNT)]),
        ([DISPUTED], [("received", AMOUNT), ("disputed", -AMOUNT)]),
        (
            [PAID, DISPUTED, observed("charged_back", detail="reimbursed", minute=8)],
            [("received", AMOUNT), ("disputed", -AMOUNT), ("dispute_won", AMOUNT)],
        ),
        (
            [PAID, DISPUTED, observed("charged_back", detail="settled", minute=8)],
            [("received", AMOUNT), ("disputed", -AMOUNT), ("dispute_lost", 0)],
        ),
        (
            [PAID, observed("charged_back", detail="settled", minute=8)],
            [("received", AMOUNT), ("dispute_lost", -AMOUNT)],
        ),
        (
            [
                PAID,
                observed("charged_back", detail="settled", minute=6),
                observed("charged_back", detail="reimbursed", minute=8),
            ],
            [("received", AMOUNT), ("dispute_lost", -AMOUNT), ("-dispute_lost", AMOUNT)],
        ),
        (
            [PAID, DISPUTED, observed("refunded", minute=8)],
            [("received", AMOUNT), ("disputed", -AMOUNT), ("refunded", 0)],
        ),
        (
            [PAID, DISPUTED, observed("pending", minute=8)],
            [("received", AMOUNT), ("disputed", -AMOUNT), ("-received", 0)],
        ),
        ([PAID, observed("approved", amount=2500, minute=6)], [("received", AMOUNT), ("-received", -99)]),
        (
            [PAID, observed("approved", currency="ARS", minute=6)],
            [("received", AMOUNT), ("-received", -AMOUNT), ("received", AMOUNT)],
        ),
    ],
)
def test_event_books_these_lines(happened: list[events.PaymentEvent], kinds: list[tuple[str, int]]):
    assert booked(*happened) == kinds


def test_dispute_moves_money_between_held_and_disputed():
    disputed, lost = lines(opened(), PAID, DISPUTED, observed("charged_back", detail="settled", minute=8))[1:]
    assert (disputed.amount_centavos, disputed.disputed_centavos) == (-AMOUNT, AMOUNT)
    assert (lost.amount_centavos, lost.disputed_centavos) == (0, -AMOUNT)


def test_money_in_another_currency_is_not_summed():
    taken_back, booked_anew = lines(opened(), PAID, observed("approved", currency="ARS", minute=6))[1:]
    assert (taken_back.currency, taken_back.is_summed) == ("BRL", True)
    assert (booked_anew.currency, booked_anew.is_summed) == ("ARS", False)


@pytest.mark.parametrize(
    ("happened", "times"),
    [
        ([PAID], [at(3)]),
        ([replace(PAID, paid_at=None)], [at(4)]),
        ([replace(PAID, refunded_centavos=100)], [at(3), at(4)]),
        ([replace(LATE, paid_at=at(50), received_at=at(70))], [at(50)]),
        ([replace(LATE, paid_at=None, received_at=at(70))], [at(70)]),
        ([PAID, REFUND, REFUND_MADE], [at(3), at(5)]),
        ([PAID, REFUND, replace(REFUND_MADE, made_at=None)], [at(3), max(at(3), recorded_at(4))]),
        ([LATE, replace(RETURNED, returned_at=at(80))], [at(0), at(80)]),
        ([PAID, DISPUTED], [at(3), at(6)]),
        ([PAID, observed("pending", minute=1)], [at(3), at(3)]),
        ([PAID, observed("pending", minute=6), replace(PAID, observed_at=at(8))], [at(3), at(6), at(8)]),
        ([events.DuplicatePaymentObserved(attempt_id="a2", already_paid_by="a1", amount_centavos=5)], [recorded_at(2)]),
    ],
)
def test_line_is_booked_when_the_money_moved(happened: list[events.PaymentEvent], times: list[Any]):
    assert [line.booked_at for line in lines(opened(), *happened)] == times


def test_personal_data_is_not_kept():
    document = None
    for position, event in enumerate([opened(payer_email="v1.a"), observed("approved", email="v1.b")], start=1):
        document = STATEMENT.evolve(document, enveloped(event, position=position))
    assert document is not None
    assert "v1." not in row(document, enveloped(opened()))[-1]


REVERSED = events.RefundReversed(attempt_id="a1", before_centavos=1, after_centavos=0, observed_at=NOON)


def changed(event: events.PaymentEvent) -> Any:
    """A function that makes an event like this one, with other fields."""
    return partial(replace, event)


minutes = st.integers(0, 20)
names = st.sampled_from(["a1", "a2", "E1"])
amounts = st.sampled_from([1, 1000, 1599, AMOUNT, AMOUNT, 2600])
observations = st.builds(
    observed,
    st.sampled_from(
        ["approved", "approved", "in_mediation", "charged_back", "refunded", "pending", "rejected", "cancelled", "new"]
    ),
    attempt=names,
    detail=st.sampled_from([None, None, "settled", "reimbursed", "in_process"]),
    amount=amounts,
    currency=st.sampled_from(["BRL", "BRL", "BRL", "ARS"]),
    refunded=st.sampled_from([0, 0, 1, 500, AMOUNT]),
    paid_at=st.none() | st.builds(at, minutes),
    minute=minutes,
)
refund_ids = st.sampled_from(["r1", "r2"])
return_ids = st.sampled_from(["D1", "D2"])
times = st.builds(at, minutes)
corrections = st.one_of(
    st.builds(changed(REFUND), refund_id=refund_ids, attempt_id=names, amount_centavos=amounts),
    st.builds(changed(REFUND_MADE), refund_id=refund_ids, made_at=st.none() | times),
    st.builds(changed(REVERSED), attempt_id=names, observed_at=times),
    st.builds(changed(RETURNED), return_id=return_ids, attempt_id=names, amount_centavos=amounts),
    st.builds(changed(LATE), attempt_id=names, amount_centavos=amounts, received_at=times),
    st.builds(events.MoneyAccepted, amount_centavos=amounts),
    st.sampled_from(AFTER_THE_OPENING),
)


@given(happened=st.lists(st.one_of(observations, observations, corrections), max_size=14))
def test_lines_add_up_to_what_the_payment_holds_after_each_event(happened: list[events.PaymentEvent]):
    details: Any = None
    document: Any = None
    totals: dict[bool, tuple[int, int]] = {True: (0, 0), False: (0, 0)}
    by_kind: dict[tuple[str, str], int] = {}
    latest: dict[str, Any] = {}
    for position, event in enumerate([opened(), *happened], start=1):
        envelope = enveloped(event, position=position)
        details = PAYMENT_DETAILS.evolve(details, envelope)
        before, document = document, _after(document, envelope)
        for line in () if document is before else document.added:
            held, disputed = totals[line.is_summed]
            totals[line.is_summed] = held + line.amount_centavos, disputed + line.disputed_centavos
            whole = line.amount_centavos + line.disputed_centavos
            by_kind[line.currency, line.kind] = by_kind.get((line.currency, line.kind), 0) + whole
            assert (line.amount_centavos, line.disputed_centavos) != (0, 0)
            assert line.booked_at >= latest.get(line.attempt_id, line.booked_at)
            latest[line.attempt_id] = line.booked_at
        shown, ledger = details.details, details.ledger
        assert totals[True] == (shown.held_centavos, shown.disputed_centavos)
        assert totals[False][0] == sum(ledger.other_currencies_held_by.values())
        receipts = sum(by_kind.get(("BRL", kind), 0) for kind in RECEIPTS)
        given_back = -sum(by_kind.get(("BRL", kind), 0) for kind in GIVEN_BACK)
        total = ledger.total
        assert (receipts, given_back) == (total.received, total.refunded)
        assert by_kind.get(("BRL", "dispute_lost"), 0) == -total.lost


def _after(document: Any, envelope: Any) -> Any:
    return document if STATEMENT.key_of(envelope) is None else STATEMENT.evolve(document, envelope)


def test_hidden_text_is_in_no_row():
    described = replace(opened(), description="Bolo da Ana", reference="1042")
    document = None
    for event in (described, observed("approved"), replace(REFUND, reason="Ana devolveu"), events.TextHidden()):
        document = STATEMENT.evolve(document, enveloped(event))
    hidden = row(document, enveloped(events.TextHidden()))
    assert hidden[:3] == (PAYMENT_ID, "1042", "Texto apagado")
    assert "Ana" not in str(hidden)
    assert added(document, enveloped(events.TextHidden())) == []
