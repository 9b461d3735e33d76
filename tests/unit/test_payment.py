from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import (
    AlertRaised,
    CancellationRequested,
    ChargeCreated,
    ConfirmationRefused,
    DuplicatePaymentObserved,
    LatePaymentReceived,
    ObservationMismatched,
    ObservationRecorded,
    PaymentCancelled,
    PaymentEvent,
    PaymentReopened,
    RefundRequested,
    StatusChanged,
    TransferNamed,
    WatchStarted,
)
from contracts.payment_status import ENDED, KNOWN, SETTLED
from extrato.domain.errors import Refused
from extrato.domain.payment.commands import (
    Command,
    ConfirmByBank,
    CreatePayment,
    Expire,
    RecordCharge,
    RecordObservation,
    RecordReturn,
    RequestCancellation,
    RequestRefund,
    StartWatch,
)
from extrato.domain.payment.decisions import MAX_SILENCE, PAYMENT, decide
from extrato.domain.payment.evolving import evolve
from extrato.domain.payment.identifiers import (
    bank_payment_id,
    external_reference,
    payment_id_in,
    payment_id_in_reference,
    stream_id,
)
from extrato.domain.payment.ledger import NOTHING, OWN_DETAILS
from extrato.domain.payment.state import INITIAL, Opened, Payment, charged
from tests.compatibility.claim import claim
from tests.unit.payment_story import (
    BANK_ID,
    CHARGED,
    DIRECT_PIX,
    EXPIRED,
    NO_CHARGE,
    NOON,
    OPENED,
    PIX,
    at,
    confirm,
    given_events,
    ignored,
    observe,
    recorded,
    status_changed,
)

# --- creation -----------------------------------------------------------------------------------


def test_creation_records_the_intent():
    assert given_events().when(CreatePayment(intent=OPENED)) == [OPENED]


def test_second_payment_with_one_number_is_refused():
    other = CreatePayment(intent=replace(OPENED, amount_centavos=999))
    assert given_events(OPENED).refuses(other) == "payment_already_opened"


def test_repeated_creation_records_nothing():
    assert given_events(OPENED, CHARGED).when(CreatePayment(intent=OPENED)) == []


@pytest.mark.parametrize("charge", [CHARGED, PIX], ids=["of several attempts", "that is the attempt"])
def test_creation_with_a_charge_equals_creation_then_charge(charge: ChargeCreated):
    opened = replace(OPENED, charge=charge)
    assert given_events().when(CreatePayment(intent=opened)) == [opened]
    assert PAYMENT.fold([opened]) == PAYMENT.fold([OPENED, charge]) == charged(OPENED, charge)


def test_repeated_creation_with_a_charge_records_nothing():
    again = CreatePayment(intent=replace(OPENED, charge=CHARGED))
    assert given_events(again.intent).when(again) == given_events(OPENED, CHARGED).when(again) == []
    assert given_events(again.intent).when(CreatePayment(intent=OPENED)) == []


def test_creation_with_another_charge_is_refused():
    other = CreatePayment(intent=replace(OPENED, charge=PIX))
    assert given_events(replace(OPENED, charge=CHARGED)).refuses(other) == "payment_already_opened"


@pytest.mark.parametrize(
    "command",
    [
        RecordCharge(charge=CHARGED, watch_until=None),
        observe("approved"),
        confirm(),
        Expire(now=at(61)),
        StartWatch(now=NOON, duration=timedelta(minutes=5)),
    ],
)
def test_commands_to_an_unknown_payment_are_refused(command: Command):
    assert given_events().refuses(command) == "payment_not_found"


@pytest.mark.parametrize(
    ("happened", "is_free"),
    [
        ([OPENED], False),
        ([OPENED, NO_CHARGE], True),
        ([OPENED, CHARGED], False),
        ([OPENED, CHARGED, EXPIRED], True),
        ([OPENED, CHARGED, CancellationRequested()], False),
        ([OPENED, CHARGED, CancellationRequested(), PaymentCancelled()], True),
        ([OPENED, EXPIRED], True),
        ([DIRECT_PIX, EXPIRED], True),
    ],
)
def test_payment_closed_unpaid_frees_the_order(happened, is_free):
    assert PAYMENT.fold(happened).is_closed_unpaid == is_free


@pytest.mark.parametrize(
    ("status", "is_free"),
    [("pending", False), ("approved", False), ("refunded", False), ("cancelled", True), ("rejected", True)],
)
def test_ended_charge_that_is_its_own_attempt_frees_the_order_unpaid(status, is_free):
    history = [OPENED, PIX]
    history += given_events(*history).when(observe(status, attempt="900"))
    assert PAYMENT.fold(history).is_closed_unpaid == is_free


@pytest.mark.parametrize("closed", [[OPENED, NO_CHARGE], [OPENED, CHARGED, EXPIRED]])
def test_attempt_in_flight_keeps_the_order_of_a_closed_payment(closed):
    history = [*closed, *given_events(*closed).when(observe("in_process"))]
    assert not PAYMENT.fold(history).is_closed_unpaid
    history += given_events(*history).when(observe("rejected", minute=2))
    assert PAYMENT.fold(history).is_closed_unpaid


def test_late_money_keeps_the_order_until_it_is_returned():
    late = ConfirmByBank(
        amount_centavos=1000,
        end_to_end_id="E1",
        received_at=at(70),
        paid_at=at(65),
        grace=timedelta(0),
        evidence=None,
    )
    history = [DIRECT_PIX, *given_events(DIRECT_PIX).when(late)]
    assert not PAYMENT.fold(history).is_closed_unpaid
    returned = RecordReturn(return_id="D1", end_to_end_id=None, amount_centavos=1000, returned_at=at(80))
    history += given_events(*history).when(returned)
    assert PAYMENT.fold(history).is_closed_unpaid


# --- charge -------------------------------------------------------------------------------------


@claim("monitor.starts")
def test_charge_is_recorded_with_a_watch():
    assert given_events(OPENED).when(RecordCharge(charge=CHARGED, watch_until=at(5))) == [
        CHARGED,
        WatchStarted(watch_until=at(5)),
    ]
    assert given_events(OPENED).when(RecordCharge(charge=CHARGED, watch_until=None)) == [CHARGED]


def test_refused_charge_is_the_reason_again_after_a_withdrawn_part():
    story = given_events(OPENED)
    story.becomes(observe("approved", attempt="a", amount_centavos=1))
    assert story.becomes(RecordCharge(charge=NO_CHARGE, watch_until=None)).status_detail == "partially_paid"
    assert status_changed("cancelled", "cancelled", status_detail="charge_refused", attempt_id=None) in story.when(
        observe("cancelled", attempt="a", minute=1)
    )


def test_payment_created_with_a_charge_gets_no_other():
    assert given_events(replace(OPENED, charge=CHARGED)).when(RecordCharge(charge=PIX, watch_until=at(5))) == []


def test_refused_charge_cancels_the_payment():
    story = given_events(OPENED)
    assert story.when(RecordCharge(charge=NO_CHARGE, watch_until=at(5))) == [
        NO_CHARGE,
        status_changed("pending", "cancelled", status_detail="charge_refused", attempt_id=None),
    ]
    assert not story.becomes(RecordCharge(charge=NO_CHARGE, watch_until=None)).may_still_be_paid


def test_repeated_charge_records_nothing():
    for first in (CHARGED, NO_CHARGE):
        for second in (CHARGED, NO_CHARGE):
            assert given_events(OPENED, first).when(RecordCharge(charge=second, watch_until=at(9))) == []


def test_refused_charge_keeps_the_money_of_a_paid_payment():
    story = given_events(OPENED)
    assert story.when(observe("approved"), RecordCharge(charge=NO_CHARGE, watch_until=None)) == [NO_CHARGE]
    assert story.becomes(RecordCharge(charge=NO_CHARGE, watch_until=None)).status == "approved"


@pytest.mark.parametrize("status", ["rejected", "cancelled"])
def test_refused_charge_stays_refused_with_a_rejected_attempt(status):
    refusal = RecordCharge(charge=NO_CHARGE, watch_until=None)
    seen = observe(status)
    for first, second in ((refusal, seen), (seen, refusal)):
        payment = given_events(OPENED).becomes(first, second)
        assert (payment.status, payment.status_detail) == ("cancelled", "charge_refused")
        assert not payment.may_still_be_paid


def test_refused_charge_of_an_expired_payment_cancels_it_once():
    story = given_events(OPENED)
    assert story.when(Expire(now=at(60)), RecordCharge(charge=NO_CHARGE, watch_until=None)) == [NO_CHARGE]


# --- observations -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(KNOWN - {"pending", "cancelled"}))
def test_observation_is_recorded_and_changes_the_status(status: str):
    seen = observe(status, status_detail="detail")
    assert given_events(OPENED, CHARGED).when(seen) == [
        recorded(seen),
        status_changed("pending", status, status_detail="detail", paid_at=seen.paid_at),
    ]


def test_known_observation_records_nothing():
    story = given_events(OPENED, CHARGED)
    assert story.when(observe("in_process"), observe("in_process")) == []
    assert story.when(observe("in_process", minute=0)) == []


def test_later_equal_observation_makes_those_between_stale():
    story = given_events(OPENED, CHARGED)
    later, between = observe("approved", minute=30), observe("in_mediation", minute=20)

    assert story.when(observe("approved"), later) == [recorded(later)]
    story.becomes(later)
    assert story.when(later) == []
    assert story.when(between) == [ignored(between)]
    assert story.becomes(between).status == "approved"


def test_pending_attempt_does_not_change_a_pending_payment():
    seen = observe("pending")
    assert given_events(OPENED, CHARGED).when(seen) == [recorded(seen)]


def test_older_observation_is_ignored_with_one_event():
    story = given_events(OPENED, CHARGED)
    stale = observe("pending", minute=1)

    assert story.when(observe("approved", minute=2), stale) == [ignored(stale)]
    assert story.becomes(stale).status == "approved"
    assert story.when(stale) == []
    assert story.when(observe("pending", minute=1, evidence="another answer")) == []


@claim("status.contradiction")
@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("pending", "pending"),
        ("in_process", "in_process"),
        ("authorized", "authorized"),
        ("rejected", "rejected"),
        # The link can be paid by another attempt.
        ("cancelled", "pending"),
    ],
)
def test_later_status_that_removes_money_is_recorded_and_alerts(status: str, shown: str):
    story = given_events(OPENED, CHARGED)
    later = observe(status, minute=9)
    alert = AlertRaised(alert="provider_contradicts", occurrence=f"a {at(9).isoformat()}")

    events = story.when(observe("approved"), later)
    [again] = [event for event in events if isinstance(event, PaymentReopened)]
    assert again.unsettled_attempts == (() if status in ENDED else ("a",))
    assert events == [recorded(later), alert, again, status_changed("approved", shown)]
    payment = story.becomes(later)
    assert (payment.status, payment.is_settled, payment.alerts) == (shown, False, ("provider_contradicts",))
    assert payment.ledger.total == NOTHING
    assert payment.may_still_be_paid
    assert story.when(RequestCancellation()) == [CancellationRequested()]


def test_rejected_attempt_may_be_approved_later_without_an_alert():
    payment = given_events(OPENED, CHARGED).becomes(observe("rejected"), observe("approved", minute=2))
    assert (payment.status, payment.alerts) == ("approved", ())


def test_older_answer_repeated_after_a_minute_is_recorded():
    story = given_events(OPENED, CHARGED)
    older = observe("pending", minute=1, by_id=True, asked_at=at(10))
    story.becomes(observe("approved", minute=2), older)

    assert story.when(replace(older, asked_at=at(10.9))) == []
    assert story.when(replace(older, asked_at=at(11), by_id=False)) == []
    assert story.when(replace(older, asked_at=at(11), status_detail="other"))[0].reason == "stale"
    assert story.when(replace(older, asked_at=at(11)))[0] == recorded(older)
    payment = story.becomes(replace(older, asked_at=at(11)))
    assert (payment.status, payment.alerts) == ("pending", ("provider_contradicts",))


def test_paid_attempt_follows_a_refused_one():
    story = given_events(OPENED, CHARGED)
    refused, paid = observe("rejected", attempt="card"), observe("approved", attempt="pix", minute=2)

    assert story.becomes(refused).may_still_be_paid
    assert story.when(paid) == [
        recorded(paid),
        status_changed("rejected", "approved", attempt_id="pix", paid_at=paid.paid_at),
    ]


def test_refused_attempt_does_not_outweigh_a_pending_one():
    story = given_events(OPENED, CHARGED)
    hoped, refused = observe("in_process", attempt="pix"), observe("rejected", attempt="card", minute=9)

    assert story.when(hoped, refused) == [recorded(refused)]


def test_abandoned_attempt_leaves_the_link_pending():
    story = given_events(OPENED, CHARGED)
    given_up = observe("cancelled", status_detail="by_payer", minute=2)

    assert story.when(observe("in_process"), given_up) == [recorded(given_up), status_changed("in_process", "pending")]
    payment = story.becomes(given_up)
    assert (payment.status, payment.status_detail, payment.may_still_be_paid) == ("pending", None, True)
    other = observe("approved", attempt="b", minute=3)
    assert story.when(other)[1] == status_changed("pending", "approved", attempt_id="b", paid_at=other.paid_at)


def test_charge_that_is_the_attempt_ends_with_it():
    story = given_events(OPENED, PIX)
    ended = observe("cancelled", attempt="900", status_detail="expired")

    assert story.when(ended) == [
        recorded(ended),
        status_changed("pending", "cancelled", status_detail="expired", attempt_id="900"),
    ]
    assert not story.becomes(ended).may_still_be_paid


def test_cancelled_attempt_may_still_be_paid_late():
    story = given_events(OPENED, PIX)
    paid = observe("approved", attempt="900", minute=9)

    assert story.when(observe("cancelled", attempt="900"), paid) == [
        recorded(paid),
        LatePaymentReceived(attempt_id="900", amount_centavos=1000, received_at=at(9), paid_at=at(9), evidence=None),
        status_changed("cancelled", "approved", attempt_id="900", paid_at=paid.paid_at),
    ]


def test_first_attempt_with_the_payments_status_decides():
    waiting = given_events(OPENED, CHARGED).becomes(observe("pending", status_detail="pending_waiting_transfer"))
    assert (waiting.attempt_id, waiting.status_detail) == ("a", "pending_waiting_transfer")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_reference", "extrato_16_abc"),
        ("external_reference", None),
    ],
)
def test_observation_of_another_charge_is_mismatched(field: str, value: Any):
    story = given_events(OPENED, CHARGED)
    wrong = observe("approved", **{field: value})

    assert story.when(wrong) == [
        ObservationMismatched(
            attempt_id="a",
            field=field,
            expected=str(getattr(OPENED, field)),
            observed=str(value),
            status="approved",
            observed_at=at(1),
            evidence=None,
        )
    ]
    assert story.becomes(wrong).status == "pending"
    assert story.when(wrong) == []


def test_second_paid_attempt_is_reported_once_as_a_duplicate():
    story = given_events(OPENED, CHARGED)
    second = observe("approved", attempt="b", minute=5)

    assert story.when(observe("approved", attempt="a"), second) == [
        recorded(second),
        DuplicatePaymentObserved(attempt_id="b", already_paid_by="a", amount_centavos=1000),
    ]
    payment = story.becomes(second)
    assert (payment.status, payment.attempt_id) == ("approved", "a")
    assert story.when(second) == []
    again = observe("approved", attempt="b", minute=6, status_detail="accredited")
    assert story.when(again) == [recorded(again)]


def test_refund_of_one_paid_attempt_leaves_the_other_deciding():
    story = given_events(OPENED, CHARGED)
    payment = story.becomes(
        observe("approved", attempt="a"),
        observe("approved", attempt="b", minute=2),
        observe("refunded", attempt="a", minute=3, refunded_centavos=1000),
    )

    assert (payment.status, payment.attempt_id) == ("approved", "b")
    assert payment.deciding_attempt == payment.attempts["b"]
    assert story.becomes(observe("refunded", attempt="b", minute=4)).status == "refunded"


def test_paid_attempt_after_a_refund_is_no_duplicate():
    story = given_events(OPENED, CHARGED)
    again = observe("approved", attempt="b", minute=5)

    assert story.when(observe("approved"), observe("refunded", minute=2), again) == [
        recorded(again),
        status_changed("refunded", "approved", attempt_id="b", paid_at=again.paid_at),
    ]


def test_partial_refund_leaves_the_payment_paid():
    story = given_events(OPENED, CHARGED)
    partial = observe("approved", minute=2, refunded_centavos=300, status_detail="partially_refunded")

    assert story.when(observe("approved"), partial) == [recorded(partial)]
    payment = story.becomes(partial)
    assert payment.status_detail == "partially_refunded"
    assert payment.attempts["a"].refunded_centavos == 300


@claim("status.refunded")
def test_full_refund_ends_the_payment():
    story = given_events(OPENED, CHARGED)
    refunded = observe("refunded", minute=2, refunded_centavos=1000)

    assert story.when(observe("approved"), refunded) == [
        recorded(refunded),
        status_changed("approved", "refunded", paid_at=at(1)),
    ]


@claim("status.in-mediation")
def test_dispute_may_be_won():
    story = given_events(OPENED, CHARGED)
    payment = story.becomes(observe("approved"), observe("in_mediation", minute=2), observe("approved", minute=3))
    assert payment.status == "approved"


@claim("status.unknown")
def test_unknown_status_is_recorded_and_any_status_may_follow():
    story = given_events(OPENED, CHARGED)
    invented = observe("on_the_moon")

    assert story.when(invented) == [recorded(invented), status_changed("pending", "on_the_moon")]
    assert story.becomes(invented).may_still_be_paid
    assert story.becomes(observe("approved", minute=2)).status == "approved"


@claim("status.contradiction")
@pytest.mark.parametrize("before", sorted(KNOWN))
@pytest.mark.parametrize("after", sorted(KNOWN))
def test_later_status_of_an_attempt_is_always_recorded(before: str, after: str):
    story = given_events(OPENED, PIX)
    story.becomes(observe(before, attempt="900"))
    later = observe(after, attempt="900", minute=2)

    assert story.when(later)[0] == recorded(later)
    payment = story.becomes(later)
    assert payment.attempts["900"].status == payment.status == after


UNKNOWN = "under_investigation"


def test_paid_payment_with_an_unknown_status_stays_refundable():
    story = given_events(OPENED, CHARGED)
    payment = story.becomes(observe("approved"), observe(UNKNOWN, minute=2))
    assert (payment.status, payment.is_settled, payment.may_still_be_paid) == (UNKNOWN, True, False)
    assert story.refuses(RequestCancellation()) == "payment_already_paid"
    assert story.when(Expire(now=at(61))) == []
    assert payment.ledger.refundable_centavos("a") == 1000
    [asked] = story.when(
        RequestRefund(wish_id="w", attempt_id=None, amount_centavos=None, reason=None, known_refunds={}, now=at(3))
    )
    assert isinstance(asked, RefundRequested)
    assert (asked.attempt_id, asked.amount_centavos) == ("a", 1000)


@pytest.mark.parametrize("other", ["pending", "in_process", "authorized", "rejected", "refunded"])
def test_paid_attempt_of_unknown_status_outweighs_pending_ones(other):
    story = given_events(OPENED, CHARGED)
    payment = story.becomes(observe("approved"), observe(other, attempt="b", minute=2), observe(UNKNOWN, minute=3))
    assert (payment.status, payment.attempt_id, payment.is_settled) == (UNKNOWN, "a", True)
    assert story.refuses(RequestCancellation()) == "payment_already_paid"


def test_unknown_status_of_an_unpaid_attempt_settles_nothing():
    story = given_events(OPENED, CHARGED)
    payment = story.becomes(observe(UNKNOWN))
    assert (payment.is_settled, payment.ledger.refundable_centavos("a")) == (False, 0)
    assert story.when(RequestCancellation()) == [CancellationRequested()]


def test_unknown_status_with_a_time_of_approval_settles():
    payment = given_events(OPENED, CHARGED).becomes(observe(UNKNOWN, paid_at=at(1)))
    assert (payment.status, payment.is_settled, payment.ledger.total.held) == (UNKNOWN, True, 1000)


def test_paid_attempt_of_unknown_status_is_not_cancelled():
    closed = (CancellationRequested(), PaymentCancelled(), status_changed("pending", "cancelled", attempt_id=None))
    story = given_events(OPENED, CHARGED, *closed)
    story.becomes(observe("approved"))
    assert CancellationRequested() not in story.when(observe(UNKNOWN, minute=2))
    assert CancellationRequested() in story.when(observe(UNKNOWN, attempt="b", minute=3))


# --- bank ---------------------------------------------------------------------------------------


def test_confirmation_pays_the_payment():
    assert given_events(OPENED, CHARGED).when(confirm()) == [
        ObservationRecorded(
            attempt_id=BANK_ID,
            status="approved",
            status_detail="accredited",
            amount_centavos=1000,
            currency="BRL",
            refunded_centavos=0,
            observed_at=at(5),
            paid_at=at(5),
            payer_email=None,
            evidence=None,
        ),
        status_changed("pending", "approved", status_detail="accredited", attempt_id=BANK_ID, paid_at=at(5)),
    ]


def test_confirmation_of_another_amount_is_refused_once():
    story = given_events(OPENED, CHARGED)
    assert story.when(confirm(999)) == [ConfirmationRefused(expected_centavos=1000, received_centavos=999)]
    assert story.becomes(confirm(999)).status == "pending"
    assert story.when(confirm(999, minute=7)) == []


def test_log_records_ten_refused_confirmations_at_most():
    first = [confirm(900 + number, minute=6) for number in range(10)]
    story = given_events(OPENED, CHARGED)
    payment = story.becomes(*first)
    assert (payment.refused_confirmations, payment.alerts) == (10, ("wrong_confirmation",))
    assert [story.when(confirm(value, minute=7)) for value in (899, 900, 910, 999)] == [[]] * 4
    assert story.becomes(confirm(minute=8)).status == "approved"


def test_log_records_ten_changed_amounts_of_a_transfer_at_most():
    story, held = given_events(OPENED, CHARGED), confirm(400, transfer="E1")
    others = [confirm(401 + number, minute=6, transfer="E1") for number in range(12)]
    payment = story.becomes(held, *others)
    assert payment.refused_confirmations == 10
    assert payment.ledger.total.held == 400
    assert story.when(held, *others, confirm(999, minute=7)) == []


def test_repeated_confirmation_records_nothing():
    assert given_events(OPENED, CHARGED).when(confirm(), confirm(minute=6)) == []
    named = confirm(transfer="E1")
    assert given_events(OPENED, CHARGED).when(named, replace(named, received_at=at(6))) == []


def test_confirmation_without_a_name_counts_as_a_repetition():
    assert given_events(OPENED, CHARGED).when(confirm(transfer="E1"), confirm(minute=6)) == []
    story = given_events(OPENED, CHARGED)
    named = confirm(minute=6, transfer="E1")
    assert story.when(confirm(), named) == [TransferNamed(end_to_end_id="E1")]
    story.becomes(named)
    assert story.when(named) == story.when(confirm(minute=7)) == []


def test_second_name_is_a_second_transfer():
    story = given_events(OPENED, CHARGED)
    payment = story.becomes(confirm(), confirm(minute=6, transfer="E1"), confirm(minute=7, transfer="E2"))
    assert (payment.ledger.total.held, payment.alerts) == (2000, ("duplicate_payment",))


def test_second_transfer_of_a_paid_pix_is_reported_once():
    story, other = given_events(OPENED, CHARGED), confirm(minute=6, transfer="E2")
    second = DuplicatePaymentObserved(attempt_id="E2", already_paid_by="E1", amount_centavos=1000)
    seen, *rest = story.when(confirm(transfer="E1"), other)
    assert (seen.attempt_id, rest) == ("E2", [second])
    assert story.becomes(other).status == "approved"
    assert story.when(other) == []


def test_two_late_transfers_are_both_recorded():
    story = given_events(OPENED, CHARGED)
    story.becomes(confirm(minute=60, transfer="E1"))
    late = LatePaymentReceived(attempt_id="E2", amount_centavos=1000, received_at=at(90), paid_at=None, evidence=None)
    second = DuplicatePaymentObserved(attempt_id="E2", already_paid_by="E1", amount_centavos=1000)
    assert story.when(confirm(minute=90, transfer="E2")) == [late, second]
    assert story.when(confirm(minute=91, transfer="E1")) == []


@claim("pix-confirmation.status")
def test_late_confirmation_expires_the_payment_and_alerts():
    story = given_events(OPENED, CHARGED)
    assert story.when(confirm(minute=60)) == [
        EXPIRED,
        LatePaymentReceived(attempt_id=BANK_ID, amount_centavos=1000, received_at=at(60), paid_at=None, evidence=None),
        status_changed("pending", "cancelled", status_detail="expired", attempt_id=None),
    ]
    assert story.becomes(confirm(minute=60)).status == "cancelled"
    assert story.when(confirm(minute=61)) == []


@pytest.mark.parametrize(
    "before", [(), (EXPIRED, status_changed("pending", "cancelled", status_detail="expired", attempt_id=None))]
)
def test_time_of_payment_decides_whether_a_transfer_is_late(before):
    story = given_events(OPENED, CHARGED, *before)
    payment = story.becomes(confirm(minute=65, paid=59.9))
    assert (payment.status, payment.status_detail, payment.alerts) == ("approved", "accredited", ())
    assert payment.deciding_attempt is not None
    assert (payment.deciding_attempt.paid_at, payment.deciding_attempt.observed_at) == (at(59.9), at(65))
    story = given_events(OPENED, CHARGED, *before)
    payment = story.becomes(confirm(minute=65, paid=60))
    assert (payment.status, payment.alerts) == ("cancelled", ("late_payment",))


def test_confirmation_without_a_time_has_a_grace_period():
    two_minutes = timedelta(minutes=2)
    assert given_events(OPENED, CHARGED).becomes(confirm(minute=61.9, grace=two_minutes)).status == "approved"
    late = given_events(OPENED, CHARGED).becomes(confirm(minute=62, grace=two_minutes))
    assert (late.status, late.alerts) == ("cancelled", ("late_payment",))
    payment = given_events(OPENED, CHARGED).becomes(confirm(minute=61, paid=60.5, grace=two_minutes))
    assert (payment.status, payment.alerts) == ("cancelled", ("late_payment",))


# --- expiry -------------------------------------------------------------------------------------


@claim("pix.expiration", "status.cancelled")
def test_payment_expires_at_its_expiry_time():
    story = given_events(OPENED, CHARGED)
    assert story.when(Expire(now=at(60))) == [
        EXPIRED,
        status_changed("pending", "cancelled", status_detail="expired", attempt_id=None),
    ]
    assert not story.becomes(Expire(now=at(60))).may_still_be_paid


def test_payment_with_only_ended_attempts_expires():
    story = given_events(OPENED, CHARGED)
    assert story.when(observe("rejected"), Expire(now=at(60))) == [
        EXPIRED,
        status_changed("rejected", "cancelled", status_detail="expired", attempt_id=None),
    ]


def test_cancelled_payment_that_expires_changes_once():
    story = given_events(OPENED, PIX)
    assert story.when(observe("cancelled", attempt="900"), Expire(now=at(60))) == [EXPIRED]


def test_unobserved_pix_delays_expiry_by_a_day_at_most():
    story = given_events(OPENED, PIX)
    assert story.when(Expire(now=at(60))) == []
    assert story.when(Expire(now=at(60) + MAX_SILENCE))[0] == EXPIRED


def test_charge_created_during_expiry_must_be_closed():
    story = given_events(
        OPENED, EXPIRED, status_changed("pending", "cancelled", status_detail="expired", attempt_id=None)
    )
    assert story.when(RecordCharge(charge=PIX, watch_until=at(70))) == [PIX, CancellationRequested()]


@pytest.mark.parametrize(
    ("louder", "quieter"),
    [
        ("approved", "in_mediation"),
        ("in_mediation", "charged_back"),
        ("charged_back", "refunded"),
        ("refunded", "authorized"),
        ("authorized", "in_process"),
        ("in_process", "pending"),
        ("pending", "rejected"),
    ],
)
def test_held_money_outweighs_refunds_then_pending_then_refusals(louder: str, quieter: str):
    first, second = observe(louder, attempt="a", minute=1), observe(quieter, attempt="b", minute=2)
    assert given_events(OPENED, CHARGED).becomes(first, second).attempt_id == "a"
    assert given_events(OPENED, CHARGED).becomes(replace(second, observed_at=at(0)), first).attempt_id == "a"


@pytest.mark.parametrize("status", sorted(SETTLED | {"pending", "in_process", "authorized"}))
def test_paid_or_pending_payment_does_not_expire(status: str):
    assert given_events(OPENED, CHARGED).when(observe(status), Expire(now=at(99))) == []


def test_expiry_records_nothing_early_or_twice():
    assert given_events(OPENED, CHARGED).when(Expire(now=at(59.9))) == []
    assert given_events(replace(OPENED, expires_at=None), CHARGED).when(Expire(now=at(1e6))) == []
    assert given_events(OPENED, CHARGED).when(Expire(now=at(60)), Expire(now=at(70))) == []
    assert given_events(OPENED, NO_CHARGE).when(Expire(now=at(60))) == []


def test_only_late_money_changes_an_expired_payment():
    story = given_events(OPENED, CHARGED)
    hoped, paid = observe("pending", minute=61), observe("approved", minute=62)

    assert story.when(Expire(now=at(60)), hoped) == [recorded(hoped)]
    assert story.when(hoped, paid) == [
        recorded(paid),
        LatePaymentReceived(attempt_id="a", amount_centavos=1000, received_at=at(62), paid_at=at(62), evidence=None),
        status_changed("cancelled", "approved", paid_at=paid.paid_at),
    ]
    assert story.becomes(paid, observe("refunded", minute=63)).status == "refunded"


# --- watch --------------------------------------------------------------------------------------


WATCH = StartWatch(now=at(1), duration=timedelta(minutes=5))


def test_watch_can_be_started_again_after_its_end():
    assert given_events(OPENED, CHARGED).when(WATCH) == [WatchStarted(watch_until=at(6))]
    later = StartWatch(now=at(6), duration=timedelta(minutes=5))
    assert given_events(OPENED, CHARGED).when(WATCH, later) == [WatchStarted(watch_until=at(11))]


def test_running_watch_is_not_started_again():
    later = StartWatch(now=at(5.9), duration=timedelta(minutes=5))
    assert given_events(OPENED, CHARGED).when(WATCH, later) == []


@claim("monitor.final")
def test_unpayable_payment_is_not_watched():
    assert given_events(OPENED).when(WATCH) == []
    assert given_events(OPENED, NO_CHARGE).when(WATCH) == []
    assert given_events(OPENED, CHARGED).when(observe("approved"), WATCH) == []
    assert given_events(OPENED, CHARGED).when(Expire(now=at(60)), WATCH) == []


# --- stream and identifiers ---------------------------------------------------------------------


def test_first_event_of_a_payment_opens_it():
    with pytest.raises(TypeError):
        evolve(INITIAL, EXPIRED)


def test_number_always_names_the_same_stream():
    assert stream_id(15) == stream_id(15) != stream_id(16)


@claim("generate-link.ids")
@given(st.integers(1, 2**48 - 1), st.uuids())
def test_identifiers_hold_the_payment_number(payment_id: int, chance: UUID):
    identifier = bank_payment_id(payment_id, chance)
    reference = external_reference(payment_id, identifier)

    assert payment_id_in(identifier) == payment_id
    assert UUID(identifier).version == 8
    assert payment_id_in_reference(reference) == payment_id
    assert len(reference) <= 64


@pytest.mark.parametrize(
    "text", ["", "15", "0c6f7f3e-2b1d-4f5a-9a57-3d8e1f20c9b4", BANK_ID.upper(), f"{{{BANK_ID}}}", BANK_ID + "0"]
)
def test_foreign_identifier_has_no_payment_number(text: str):
    assert payment_id_in(text) is None


@pytest.mark.parametrize(
    "text", ["", "15", "extrato", "extrato_", "extrato_x_y", "extrato_²_a", "pedido_15_a", "extrato_-1_a"]
)
def test_foreign_reference_has_no_payment_number(text: str):
    assert payment_id_in_reference(text) is None


# --- any history --------------------------------------------------------------------------------


statuses = st.sampled_from([*sorted(KNOWN), "on_the_moon"])
minutes = st.integers(0, 90)
observations = st.builds(
    lambda status, attempt, minute, refunded, detail, wrong: observe(
        status,
        attempt=attempt,
        minute=minute,
        refunded_centavos=refunded,
        status_detail=detail,
        **wrong,
    ),
    statuses,
    st.sampled_from(["a", "b", "c"]),
    minutes,
    st.sampled_from([0, 300]),
    st.sampled_from([None, "x"]),
    st.sampled_from([{}, {}, {}, {"amount_centavos": 1}, {"currency": "ARS"}, {"external_reference": None}]),
)
commands = st.one_of(
    observations,
    observations,
    st.builds(
        RecordCharge,
        charge=st.sampled_from([CHARGED, NO_CHARGE]),
        watch_until=st.none() | minutes.map(at),
    ),
    st.builds(confirm, st.sampled_from([1000, 999]), minute=minutes),
    st.builds(Expire, now=minutes.map(at)),
    st.builds(StartWatch, now=minutes.map(at), duration=st.just(timedelta(minutes=3))),
    st.just(CreatePayment(intent=OPENED)),
    st.just(CreatePayment(intent=replace(OPENED, title="another"))),
)
histories = st.lists(commands, max_size=25)


@given(histories, st.sampled_from([None, at(60)]))
def test_repeated_command_records_nothing_in_any_history(asked: list[Command], expires_at: datetime | None):
    payment: Payment = evolve(INITIAL, replace(OPENED, expires_at=expires_at))
    for command in asked:
        try:
            events = decide(command, payment)
        except Refused:
            continue
        for event in events:
            payment = evolve(payment, event)
        assert decide(command, payment) == []


@given(histories)
def test_only_matching_money_pays_in_any_history(asked: list[Command]):
    history: list[PaymentEvent] = [OPENED]
    for command in asked:
        payment = PAYMENT.fold(history)
        try:
            events = decide(command, payment)
        except Refused:
            continue
        pays = any(isinstance(event, StatusChanged) and event.status == "approved" for event in events)
        history += events
        after = PAYMENT.fold(history)
        assert isinstance(payment, Opened)
        assert isinstance(after, Opened)
        if pays:
            assert after.ledger.total.held > 0
            assert isinstance(command, RecordObservation | ConfirmByBank)
        assert (after.status == "approved") <= (pays or payment.status == "approved")
        assert (after.status in SETTLED) <= after.is_settled
        shares = {name: after.ledger.share(name) for name in after.attempts}
        received = {name: each.amount_centavos if each.was_paid else 0 for name, each in after.attempts.items()}
        assert {name: share.received for name, share in shares.items()} == received
        assert all(min(share.held, share.refunded, share.disputed, share.lost) >= 0 for share in shares.values())


@given(histories)
def test_status_changes_form_a_chain_in_any_history(asked: list[Command]):
    history: list[PaymentEvent] = [OPENED]
    for command in asked:
        try:
            history += decide(command, PAYMENT.fold(history))
        except Refused:
            continue
    status, details = "pending", {None, *OWN_DETAILS, "expired", "charge_refused"}
    for event in history:
        if isinstance(event, StatusChanged):
            assert event.previous == status
            assert event.previous != event.status or event.status_detail in details
            status = event.status
    payment = PAYMENT.fold(history)
    assert isinstance(payment, Opened)
    assert payment.status == status
    assert (status in SETTLED) <= (payment.deciding_attempt is not None)


@given(histories)
def test_attempt_never_goes_back_in_time_in_any_history(asked: list[Command]):
    payment: Payment = evolve(INITIAL, OPENED)
    for command in asked:
        if isinstance(command, CreatePayment):
            continue
        assert isinstance(payment, Opened)
        before = payment.attempts
        for event in decide(command, payment):
            payment = evolve(payment, event)
        assert isinstance(payment, Opened)
        for attempt_id, attempt in before.items():
            assert payment.attempts[attempt_id].observed_at >= attempt.observed_at
