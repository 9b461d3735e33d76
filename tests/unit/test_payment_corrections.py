"""Cancellations and refunds: recorded, refused, and repeated without an event."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.events import (
    CancellationRefused,
    CancellationRequested,
    ChargeCreated,
    LatePaymentReceived,
    PaymentCancelled,
    RefundMade,
    RefundRefused,
    RefundRequested,
)
from extrato.domain.payment.commands import (
    CompleteCancellation,
    Expire,
    HideText,
    RecordCharge,
    RecordRefund,
    RefuseCancellation,
    RequestCancellation,
    RequestRefund,
)
from extrato.domain.payment.correcting import refund_id_of
from tests.compatibility.claim import claim
from tests.unit.payment_story import (
    BANK_ID,
    CHARGED,
    DIRECT_PIX,
    EXPIRED,
    NO_CHARGE,
    OPENED,
    PIX,
    at,
    confirm,
    given_events,
    observe,
    recorded,
    status_changed,
)

CLOSED = [
    CancellationRequested(),
    PaymentCancelled(),
    status_changed("pending", "cancelled", status_detail="by_collector", attempt_id=None),
]


def refund(
    amount_centavos: int | None = None, *, wish: str = "w1", attempt_id: str | None = None, **details: Any
) -> RequestRefund:
    facts = {"reason": None, "known_refunds": {}, "now": at(30)} | details
    return RequestRefund(wish_id=wish, attempt_id=attempt_id, amount_centavos=amount_centavos, **facts)


R1 = refund_id_of("w1", "a")


def made(refund_id: str = R1, *, minute: float | None = 31) -> RecordRefund:
    made_at = None if minute is None else at(minute)
    return RecordRefund(answer=RefundMade(refund_id=refund_id, provider_refund_id="900", made_at=made_at))


def refused(refund_id: str = R1) -> RecordRefund:
    return RecordRefund(answer=RefundRefused(refund_id=refund_id, code="provider_refused", reason="no"))


def requested(amount_centavos: int, *, wish: str = "w1", attempt: str = "a", **details: Any) -> RefundRequested:
    facts = {"is_all": False, "reason": None, "known_refunds": None, "requested_at": at(30)} | details
    return RefundRequested(
        refund_id=refund_id_of(wish, attempt),
        wish_id=wish,
        attempt_id=attempt,
        amount_centavos=amount_centavos,
        **facts,
    )


def paid(**changes):
    story = given_events(OPENED, CHARGED)
    story.becomes(observe("approved", **changes))
    return story


# --- cancel -------------------------------------------------------------------------------------


def test_cancellation_is_recorded_before_the_provider_is_asked():
    assert given_events(OPENED, CHARGED).when(RequestCancellation()) == [CancellationRequested()]


def test_repeated_cancellation_records_nothing():
    assert given_events(OPENED, CHARGED).when(RequestCancellation(), RequestCancellation()) == []


def test_paid_payment_is_not_cancelled():
    assert paid().refuses(RequestCancellation()) == "payment_already_paid"


@pytest.mark.parametrize("over", [[EXPIRED], [NO_CHARGE], [CHARGED, *CLOSED]])
def test_ended_payment_is_not_cancelled(over):
    assert given_events(OPENED, *over).when(RequestCancellation()) == []


def test_cancelled_payment_has_the_detail_by_collector():
    story = given_events(OPENED, CHARGED)
    assert story.when(RequestCancellation(), CompleteCancellation(charge_id="c1")) == CLOSED[1:]


def test_expired_payment_is_closed_at_its_provider_too():
    expired = [EXPIRED, status_changed("pending", "cancelled", status_detail="expired", attempt_id=None)]
    story = given_events(OPENED, CHARGED, *expired)
    assert story.when(RequestCancellation()) == [CancellationRequested()]
    assert story.when(RequestCancellation(), CompleteCancellation(charge_id="c1")) == [PaymentCancelled()]
    assert given_events(DIRECT_PIX, *expired).when(RequestCancellation()) == []


def test_cancelling_an_ended_pix_records_nothing():
    story = given_events(OPENED, PIX)
    assert story.when(observe("cancelled", attempt="900"), RequestCancellation()) == []


def test_cancellation_after_a_cancelled_attempt_keeps_the_status():
    story = given_events(OPENED, PIX, CancellationRequested())
    story.becomes(observe("cancelled", attempt="900"))
    assert story.when(CompleteCancellation(charge_id="900")) == [PaymentCancelled()]


def test_unobserved_pix_is_not_cancelled():
    story = given_events(OPENED, PIX, CancellationRequested())
    assert story.when(CompleteCancellation(charge_id="900")) == []


def test_attempt_found_after_the_cancellation_must_be_closed():
    story, late = given_events(OPENED, CHARGED, *CLOSED), observe("pending")
    assert story.when(late) == [recorded(late), CancellationRequested()]
    assert story.becomes(late).status == "cancelled"
    assert story.when(observe("cancelled", minute=2), CompleteCancellation(charge_id="c1")) == [PaymentCancelled()]


def test_cancellation_waits_for_an_attempt_in_flight():
    story = given_events(OPENED, CHARGED, CancellationRequested())
    story.becomes(observe("in_process"))
    assert story.when(CompleteCancellation(charge_id="c1")) == []


def test_payment_during_a_cancellation_wins():
    story = given_events(OPENED, CHARGED, CancellationRequested())
    story.becomes(observe("approved"))
    [event] = story.when(CompleteCancellation(charge_id="c1"))
    assert isinstance(event, CancellationRefused)
    assert event.code == "payment_already_paid"


def test_cancellation_completes_only_for_the_closed_charge():
    story = given_events(OPENED, CancellationRequested(), CHARGED)
    assert story.when(CompleteCancellation(charge_id=None)) == []
    assert story.when(CompleteCancellation(charge_id="c1")) == CLOSED[1:]


def test_completion_without_a_request_records_nothing():
    assert given_events(OPENED, CHARGED).when(CompleteCancellation(charge_id="c1")) == []


def test_refused_cancellation_leaves_the_payment_open():
    story = given_events(OPENED, CHARGED, CancellationRequested())
    payment = story.becomes(RefuseCancellation(code="provider_refused", reason="no"))
    assert payment.may_still_be_paid
    assert story.when(RefuseCancellation(code="provider_refused", reason="no")) == []


def test_cancelled_payment_can_still_be_paid_at_the_provider():
    payment = given_events(OPENED, CHARGED, *CLOSED)
    assert not payment.becomes(observe("rejected", attempt="b")).may_still_be_paid
    assert payment.becomes(observe("approved", minute=2)).status == "approved"


@pytest.mark.parametrize("closed", [CLOSED, (CancellationRequested(),)])
def test_timely_money_for_a_cancelled_pix_is_accepted_with_an_alert(closed):
    story = given_events(OPENED, CHARGED, *closed)
    payment = story.becomes(confirm(minute=5))
    assert (payment.status, payment.status_detail, payment.alerts) == ("approved", "accredited", ("late_payment",))
    assert story.when(confirm(minute=6)) == []


def test_money_after_the_expiry_of_a_cancelled_pix_is_late():
    story = given_events(OPENED, CHARGED, *CLOSED)
    late = LatePaymentReceived(
        attempt_id=BANK_ID, amount_centavos=1000, received_at=at(61), paid_at=None, evidence=None
    )
    assert story.when(confirm(minute=61)) == [late]


def test_cancelled_payment_does_not_expire():
    assert given_events(OPENED, CHARGED, *CLOSED).when(Expire(now=at(61))) == []


def test_charge_created_during_a_cancellation_must_be_closed():
    story = given_events(OPENED, *CLOSED)
    assert story.when(RecordCharge(charge=CHARGED, watch_until=at(10))) == [CHARGED, CancellationRequested()]


# --- refund -------------------------------------------------------------------------------------


def test_refund_is_recorded_before_the_provider_is_asked():
    assert paid().when(refund(300)) == [requested(300)]


def test_refund_without_an_amount_is_the_whole_rest():
    assert paid().when(refund()) == [requested(1000, is_all=True)]
    assert paid(refunded_centavos=400).when(refund()) == [requested(600, is_all=True)]


def test_repeated_refund_records_nothing():
    assert paid().when(refund(300), refund(300)) == []
    assert paid().when(refund(), refund()) == []
    assert paid().when(refund(300), made(), made()) == []


def test_one_refund_id_allows_one_amount():
    story = paid()
    story.becomes(refund(300))
    assert story.refuses(refund(400)) == "idempotency_key_reused"
    assert story.refuses(refund()) == "idempotency_key_reused"


def test_one_refund_id_keeps_one_reason():
    story = paid()
    story.becomes(refund(300, reason="Faltou um bolo"))
    assert story.when(refund(300, reason="Faltou um bolo")) == []
    assert story.refuses(refund(300, reason="Cliente desistiu")) == "idempotency_key_reused"
    assert story.refuses(refund(300)) == "idempotency_key_reused"
    story.becomes(HideText())
    assert story.when(refund(300, reason="Faltou um bolo")) == []


@pytest.mark.parametrize("amount_centavos", [1001, 0, -1])
def test_refund_never_exceeds_the_paid_sum(amount_centavos):
    assert paid().refuses(refund(amount_centavos)) == "refund_exceeds_balance"


def test_open_refund_reduces_the_refundable_sum():
    story = paid()
    story.becomes(refund(700))
    assert story.refuses(refund(400, wish="w2")) == "refund_exceeds_balance"


def test_refused_refund_can_be_requested_again():
    story = paid()
    story.becomes(refund(700))
    assert story.becomes(refused()).ledger.refundable_centavos("a") == 1000
    assert story.when(refund(1000, wish="w2")) == [requested(1000, wish="w2")]


def test_made_refund_counts_once_with_the_providers_report():
    story = paid()
    story.becomes(refund(300))
    assert story.becomes(made()).ledger.refundable_centavos("a") == 700
    assert story.becomes(observe("approved", minute=32, refunded_centavos=300)).ledger.refundable_centavos("a") == 700
    assert story.becomes(observe("approved", minute=33, refunded_centavos=500)).ledger.refundable_centavos("a") == 500


def test_refund_made_wins_over_a_refusal():
    story = paid()
    story.becomes(refund(300))
    story.becomes(refused())
    assert story.becomes(made()).ledger.refundable_centavos("a") == 700
    assert story.when(refused()) == []


def test_refund_of_an_unpaid_payment_is_refused():
    story = given_events(OPENED, CHARGED)
    assert story.refuses(refund()) == "payment_not_paid"
    story.becomes(observe("rejected"))
    assert story.refuses(refund()) == "payment_not_paid"


def test_refund_of_a_refunded_payment_is_refused():
    story = paid()
    story.becomes(observe("refunded", minute=2, refunded_centavos=1000))
    assert story.refuses(refund()) == "payment_already_refunded"


def test_direct_pix_is_refunded_by_the_bank_only():
    story = given_events(DIRECT_PIX)
    story.becomes(confirm())
    assert story.refuses(refund()) == "refund_by_bank_only"


def test_answer_to_an_unknown_refund_records_nothing():
    assert paid().when(made("r9")) == []


# --- a charge that is itself the attempt ----------------------------------------------------------


def test_order_and_its_payment_are_two_views_of_one_attempt():
    order = ChargeCreated(
        charge_id="ORD01", attempt_id="a", account_id=None, checkout_url=None, sandbox_url=None, pix_payload="000201"
    )
    story = given_events(OPENED, order)
    story.becomes(observe("approved", attempt="ORD01", minute=1))
    payment = story.becomes(observe("approved", attempt="a", minute=2))
    assert list(payment.attempts) == ["a"]
    assert payment.attempts["a"].paid_at == at(1)


def test_either_of_two_paid_attempts_can_be_refunded():
    story = paid()
    story.becomes(observe("approved", attempt="b", minute=2))
    chosen = refund(attempt_id="b")
    [event] = story.when(chosen)
    assert (event.attempt_id, event.amount_centavos) == ("b", 1000)
    payment = story.becomes(chosen)
    assert (payment.ledger.refundable_centavos("a"), payment.ledger.refundable_centavos("b")) == (1000, 0)
    assert payment.ledger.requested_centavos("b") == 1000
    assert payment.alerts == ("duplicate_payment",)
    assert story.when(chosen) == []
    assert story.refuses(replace(chosen, attempt_id="a")) == "idempotency_key_reused"
    assert story.refuses(replace(chosen, wish_id="w2", attempt_id="c")) == "payment_not_paid"


@claim("check.alerts")
@pytest.mark.parametrize(
    ("command", "alert"),
    [
        (observe("approved", external_reference=None), "mismatched_payment"),
        (confirm(1), "wrong_confirmation"),
        (confirm(minute=60), "late_payment"),
    ],
)
def test_missing_money_alerts_once(command, alert):
    story = given_events(OPENED, CHARGED) if alert == "mismatched_payment" else given_events(DIRECT_PIX)
    assert story.becomes(command).alerts == story.becomes(command).alerts == (alert,)
