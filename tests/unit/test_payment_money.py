"""Money that does not match the charge: held, refunded and disputed sums, with the status and alerts that follow.

The charge is R$ 10,00 in these stories; the table of statuses is in docs/reference/money.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from contracts.events import (
    AlertEnded,
    AlertResolved,
    CancellationRequested,
    ConfirmationRefused,
    DuplicatePaymentObserved,
    LatePaymentReceived,
    MoneyAccepted,
    ObservationMismatched,
    PaymentCancelled,
    PixReturned,
    RefundAccepted,
    RefundMade,
    RefundRefused,
    RefundReversed,
    StatusChanged,
    TransferNamed,
)
from extrato.domain.payment.commands import (
    AcceptMoney,
    CompleteCancellation,
    Expire,
    RecordRefund,
    RecordReturn,
    RequestCancellation,
    RequestRefund,
    ResolveAlert,
)
from extrato.domain.payment.correcting import refund_id_of
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.payment.ledger import Share
from tests.compatibility.claim import claim
from tests.unit.payment_story import (
    BANK_ID,
    CHARGED,
    DIRECT_PIX,
    OPENED,
    PIX,
    Story,
    at,
    confirm,
    given_events,
    observe,
    recorded,
    status_changed,
)

if TYPE_CHECKING:
    from extrato.domain.payment.state import Opened


def paid(amount_centavos: int, *, attempt: str = "a", minute: float = 1, **changes: Any):
    facts = {"status_detail": "accredited"} | changes
    return observe("approved", attempt=attempt, minute=minute, amount_centavos=amount_centavos, **facts)


def disputed(amount_centavos: int, *, attempt: str = "a", minute: float = 3):
    return observe("in_mediation", attempt=attempt, minute=minute, amount_centavos=amount_centavos)


def charged_back(detail: str | None, *, minute: float = 3, amount_centavos: int = 1000):
    return observe("charged_back", status_detail=detail, minute=minute, amount_centavos=amount_centavos)


def link() -> Story:
    return given_events(OPENED, CHARGED)


def direct_pix() -> Story:
    return given_events(DIRECT_PIX)


def expired(story: Story) -> Story:
    story.becomes(Expire(now=at(60)))
    return story


def cancelled(story: Story) -> Story:
    story.becomes(RequestCancellation(), CompleteCancellation(charge_id="c1"))
    return story


def outcome_of(payment: Opened) -> tuple[str, str | None, tuple[str, ...]]:
    return payment.status, payment.status_detail, payment.alerts


HALVES = (paid(400), paid(600, attempt="b", minute=2))


# --- the table ----------------------------------------------------------------------------------


@claim("check.amount", "check.money", "check.alerts", "status.partially-paid")
@pytest.mark.parametrize(
    ("seen", "stands_as", "total"),
    [
        ((), ("pending", None, ()), Share()),
        ((paid(400),), ("pending", "partially_paid", ("partially_paid",)), Share(held=400)),
        ((paid(999),), ("pending", "partially_paid", ("partially_paid",)), Share(held=999)),
        (HALVES, ("approved", "accredited", ()), Share(held=1000)),
        ((paid(1001),), ("approved", "accredited", ("overpaid",)), Share(held=1001)),
        ((paid(2000),), ("approved", "accredited", ("overpaid",)), Share(held=2000)),
        (
            (paid(600), paid(600, attempt="b", minute=2)),
            ("approved", "accredited", ("overpaid",)),
            Share(held=1200),
        ),
        (
            (paid(1000), paid(1000, attempt="b", minute=2)),
            ("approved", "accredited", ("duplicate_payment",)),
            Share(held=2000),
        ),
        (
            (paid(1000), paid(1, attempt="b", minute=2)),
            ("approved", "accredited", ("duplicate_payment",)),
            Share(held=1001),
        ),
        ((paid(1000, currency="ARS"),), ("pending", "other_currency", ("mismatched_payment",)), Share()),
        (
            (paid(1000, currency="ARS"), paid(400, attempt="b", minute=2)),
            ("pending", "partially_paid", ("mismatched_payment", "partially_paid")),
            Share(held=400),
        ),
        ((paid(400), disputed(400)), ("pending", None, ()), Share(disputed=400)),
        (
            (*HALVES, disputed(400)),
            ("approved", "partially_charged_back", ()),
            Share(held=600, disputed=400),
        ),
        (
            (*HALVES, observe("refunded", amount_centavos=400, minute=3, refunded_centavos=400)),
            ("approved", "partially_refunded", ()),
            Share(held=600, refunded=400),
        ),
        ((paid(1000), disputed(1000)), ("in_mediation", None, ()), Share(disputed=1000)),
        ((disputed(1000),), ("in_mediation", None, ()), Share(disputed=1000)),
        ((paid(1000), charged_back("in_process")), ("charged_back", "in_process", ()), Share(disputed=1000)),
        ((paid(1000), charged_back(None)), ("charged_back", None, ()), Share(disputed=1000)),
        ((paid(1000), charged_back("settled")), ("charged_back", "settled", ()), Share(lost=1000)),
        ((paid(1000), charged_back("reimbursed")), ("approved", "accredited", ()), Share(held=1000)),
        ((observe("authorized"),), ("authorized", None, ()), Share()),
        ((observe("refunded", refunded_centavos=1000),), ("refunded", None, ()), Share(refunded=1000)),
    ],
)
def test_held_money_decides_status_detail_and_alerts(seen, stands_as, total):
    payment = link().becomes(*seen) if seen else link().becomes(Expire(now=at(0)))
    assert outcome_of(payment) == stands_as
    assert payment.ledger.total == total


@pytest.mark.parametrize(("close", "detail"), [(expired, "expired"), (cancelled, "by_collector")])
@pytest.mark.parametrize(
    ("seen", "stands_as"),
    [
        ((paid(400),), ("cancelled", "partially_paid", ("partially_paid",))),
        ((paid(1000, currency="ARS"),), ("cancelled", "other_currency", ("mismatched_payment",))),
        ((paid(1000),), ("approved", "accredited", ("late_payment",))),
        (HALVES, ("approved", "accredited", ("partially_paid", "late_payment"))),
        ((paid(1001),), ("approved", "accredited", ("late_payment", "overpaid"))),
        ((paid(400), disputed(400)), ("cancelled", None, ())),
    ],
)
def test_money_for_a_closed_link_is_recorded_with_an_alert(close, detail, seen, stands_as):
    payment = close(link()).becomes(*seen)
    status, shown, alerts = stands_as
    ended = {"partially_paid"} if payment.is_settled else set()
    assert outcome_of(payment) == (status, shown or detail, tuple(alert for alert in alerts if alert not in ended))


@claim("status.partially-paid")
def test_expired_payment_with_a_part_is_partially_paid():
    story = link()
    story.becomes(paid(999))
    assert story.when(Expire(now=at(60)))[1:] == [
        status_changed("pending", "cancelled", status_detail="partially_paid", attempt_id=None)
    ]
    payment = expired(story).becomes(paid(1, attempt="b", minute=70))
    assert outcome_of(payment) == ("approved", "accredited", ("late_payment",))


@claim("status.partially-paid")
def test_refunded_part_leaves_the_payment_as_before():
    story = link()
    payment = story.becomes(paid(400), observe("refunded", amount_centavos=400, minute=3, refunded_centavos=400))
    assert outcome_of(payment) == ("pending", None, ())
    assert story.when(RequestCancellation()) == [CancellationRequested()]
    assert outcome_of(expired(story).becomes(paid(400, attempt="c", minute=70)))[1] == "partially_paid"
    payment = story.becomes(observe("refunded", attempt="c", amount_centavos=400, minute=80, refunded_centavos=400))
    assert outcome_of(payment) == ("cancelled", "expired", ())


def test_parts_held_at_different_times_do_not_add_up():
    story = link()
    gone = observe("refunded", amount_centavos=400, minute=2, refunded_centavos=400)
    payment = story.becomes(paid(400), gone, paid(600, attempt="b", minute=3))
    assert outcome_of(payment) == ("pending", "partially_paid", ("partially_paid",))


def test_change_of_held_money_is_recorded_under_one_status():
    story = link()
    assert story.when(paid(400))[1:] == [
        status_changed("pending", "pending", status_detail="partially_paid"),
        story.when(paid(400))[2],
    ]
    assert [type(event) for event in story.when(paid(400), paid(600, attempt="b", minute=2))][1:] == [
        StatusChanged,
        AlertEnded,
    ]


def test_last_part_dates_a_payment_in_parts():
    payment = link().becomes(*HALVES)
    assert payment.ledger.paid_at == at(2)
    assert link().becomes(paid(400)).ledger.paid_at is None


def test_underpaid_pix_ends_with_an_alert():
    story = given_events(OPENED, PIX)
    payment = story.becomes(paid(999, attempt="900"))
    assert outcome_of(payment) == ("pending", "partially_paid", ("partially_paid",))
    assert not payment.may_still_be_paid
    assert story.refuses(RequestCancellation()) == "payment_holds_money"


def test_refunded_underpaid_pix_was_never_approved():
    story = given_events(OPENED, PIX)
    story.becomes(paid(999, attempt="900"), refund_request())
    events = story.when(refund_answer(of="900"))
    assert [event.status for event in events if isinstance(event, StatusChanged)] == ["refunded"]
    assert not story.becomes(refund_answer(of="900")).is_settled


def test_parts_are_paid_when_they_first_add_up():
    payment = link().becomes(*HALVES, paid(100, attempt="c", minute=9))
    assert payment.ledger.paid_at == at(2)


# --- close --------------------------------------------------------------------------------------


@claim("cancel.holds-money")
@pytest.mark.parametrize(("seen", "named"), [((paid(400),), "R$ 4,00"), ((paid(1000, currency="ARS"),), "ARS 10,00")])
def test_payment_with_held_money_is_not_cancelled(seen, named):
    story = link()
    story.becomes(*seen)
    with pytest.raises(Exception, match=re.escape(named)) as refused:
        story.when(RequestCancellation())
    assert refused.value.code == "payment_holds_money"


def test_closed_payment_with_held_money_is_not_cancelled():
    story = direct_pix()
    story.becomes(transfer(minute=61))
    assert story.refuses(RequestCancellation()) == "payment_holds_money"


def test_part_paid_during_a_cancellation_is_held():
    story = link()
    story.becomes(RequestCancellation())
    assert story.when(paid(400), CompleteCancellation(charge_id="c1")) == [
        PaymentCancelled(),
        status_changed("pending", "cancelled", status_detail="partially_paid", attempt_id=None),
    ]


# --- refunds ------------------------------------------------------------------------------------


def refund_request(amount_centavos: int | None = None, *, of: str | None = None, name: str = "w1", **details: Any):
    facts: dict[str, Any] = {"reason": None, "known_refunds": {}, "now": at(30)} | details
    return RequestRefund(wish_id=name, attempt_id=of, amount_centavos=amount_centavos, **facts)


def refund_answer(kind: type = RefundMade, *, of: str = "a", name: str = "w1", minute: float = 31) -> RecordRefund:
    details: dict[str, Any] = {"refund_id": refund_id_of(name, of)}
    if kind is RefundRefused:
        details |= {"code": "provider_refused", "reason": "no"}
    else:
        details |= {"provider_refund_id": "77"}
    if kind is RefundMade:
        details |= {"made_at": at(minute)}
    return RecordRefund(answer=kind(**details))


@claim("refund.attempts")
def test_full_refund_has_one_stable_refund_for_each_attempt():
    story = link()
    story.becomes(*HALVES, paid(500, attempt="c", currency="ARS"))
    asked = story.when(refund_request(known_refunds={"a": ("1",)}, reason="desistência"))
    assert [(each.attempt_id, each.amount_centavos, each.is_all) for each in asked] == [
        ("a", 400, True),
        ("b", 600, True),
    ]
    assert [each.known_refunds for each in asked] == [("1",), None]
    assert {(each.wish_id, each.reason) for each in asked} == {("w1", "desistência")}
    story.becomes(refund_request())
    assert story.when(refund_request()) == []
    assert story.refuses(refund_request(400)) == "idempotency_key_reused"
    abroad_only = link()
    abroad_only.becomes(paid(500, currency="ARS"))
    assert abroad_only.refuses(refund_request()) == abroad_only.refuses(refund_request(500)) == "choose_attempt"
    [abroad] = story.when(refund_request(of="c", name="w2"))
    assert (abroad.attempt_id, abroad.amount_centavos) == ("c", 500)


def test_partial_refund_of_several_attempts_must_name_one():
    story = link()
    story.becomes(*HALVES)
    with pytest.raises(Exception, match=r"a \(R\$ 4,00\), b \(R\$ 6,00\)") as refused:
        story.when(refund_request(100))
    assert refused.value.code == "choose_attempt"
    [asked] = story.when(refund_request(100, of="b"))
    assert asked.attempt_id == "b"
    assert story.refuses(refund_request(500, of="a")) == "refund_exceeds_balance"


def test_part_can_be_refunded_before_the_rest_is_paid():
    story = link()
    story.becomes(paid(400), refund_request(), refund_answer())
    assert story.becomes(observe("refunded", amount_centavos=400, minute=31, refunded_centavos=400)).status == "pending"


@claim("refund.pending")
def test_equal_refund_to_one_in_process_is_refused():
    story = link()
    story.becomes(paid(1000), refund_request(400), refund_answer(RefundAccepted))
    with pytest.raises(Exception, match=refund_id_of("w1", "a")) as refused:
        story.when(refund_request(400, name="w2"))
    assert refused.value.code == "refund_in_progress"
    assert len(story.when(refund_request(300, name="w2"))) == 1
    story.becomes(refund_answer(RefundRefused))
    assert len(story.when(refund_request(400, name="w2"))) == 1


def test_equal_unanswered_refunds_are_both_accepted():
    story = link()
    story.becomes(paid(1000), refund_request(400))
    assert len(story.when(refund_request(400, name="w2"))) == 1


@claim("check.money")
def test_refund_counts_until_the_provider_reports_it():
    story = link()
    story.becomes(paid(1000, minute=2), refund_request(400))
    payment = story.becomes(refund_answer(minute=31))
    assert payment.ledger.share("a") == Share(held=600, refunded=400)
    assert (payment.status, payment.status_detail) == ("approved", "partially_refunded")
    payment = story.becomes(paid(1000, minute=33, refunded_centavos=400))
    assert payment.ledger.share("a") == Share(held=600, refunded=400)


def test_refund_in_process_counts_after_a_newer_report():
    story = link()
    story.becomes(paid(1000), refund_request(400), refund_answer(RefundAccepted), paid(1000, minute=32))
    assert story.becomes(refund_answer(minute=31)).ledger.share("a") == Share(held=600, refunded=400)
    assert story.becomes(paid(1000, minute=33, refunded_centavos=400)).ledger.share("a").refunded == 400


def test_lagging_search_does_not_reverse_a_refund():
    story = link()
    story.becomes(paid(1000), refund_request(200), refund_answer(RefundAccepted), refund_answer(minute=0))
    lagging = paid(1000, minute=6, refunded_centavos=100)
    assert story.when(lagging)[0].reason == "stale"
    payment = story.becomes(lagging, paid(1000, minute=7, refunded_centavos=300))
    assert (payment.ledger.share("a").refunded, payment.alerts) == (300, ())
    by_id = story.becomes(paid(1000, minute=8, refunded_centavos=100, by_id=True))
    assert (by_id.ledger.share("a").refunded, by_id.alerts) == (100, ("refund_reversed",))


def test_report_repeated_a_minute_later_includes_the_refund():
    story = link()
    story.becomes(paid(1000, minute=2, refunded_centavos=400), refund_request(400), refund_answer(minute=31))
    again = paid(1000, minute=2, refunded_centavos=400, by_id=True)
    assert story.when(replace(again, asked_at=at(31.9))) == []
    assert story.becomes(replace(again, asked_at=at(32))).ledger.share("a").refunded == 400
    assert story.when(replace(again, asked_at=at(40))) == []


def test_made_full_refund_refunds_the_payment_at_once():
    story = link()
    payment = story.becomes(paid(1000), refund_request(), refund_answer())
    assert (payment.status, payment.status_detail) == ("refunded", "refunded")


@pytest.mark.parametrize(
    ("amount", "observation", "again", "left"),
    [
        (1000, observe("refunded", minute=32, refunded_centavos=1000), paid(1000, minute=40), 0),
        (400, paid(1000, minute=32, refunded_centavos=400), paid(1000, minute=40), 0),
        (400, paid(1000, minute=32, refunded_centavos=600), paid(1000, minute=40, refunded_centavos=200), 200),
    ],
)
def test_reversed_refund_is_held_and_refundable_again(amount, observation, again, left):
    story = link()
    before = story.becomes(paid(1000), refund_request(amount), refund_answer(), observation).ledger.share("a").refunded
    assert RefundReversed(
        attempt_id="a", before_centavos=before, after_centavos=left, observed_at=at(40)
    ) in story.when(again)
    payment = story.becomes(again)
    assert (payment.status, payment.alerts) == ("approved", ("refund_reversed",))
    assert payment.ledger.share("a") == Share(held=1000 - left, refunded=left)
    assert story.when(refund_request(name="w2"))[0].amount_centavos == 1000 - left


def test_refund_listed_before_its_answer_counts_once():
    story = link()
    story.becomes(
        paid(1000),
        refund_request(300),
        refund_answer(),
        paid(1000, minute=32, refunded_centavos=300),
        paid(1000, minute=33),
    )
    story.becomes(refund_request(300, name="w2"), paid(1000, minute=34, refunded_centavos=300))
    assert story.becomes(refund_answer(name="w2", minute=34)).ledger.share("a") == Share(held=700, refunded=300)


def test_refund_counts_beside_an_earlier_one_in_the_panel():
    story = link()
    story.becomes(paid(1000, minute=2, refunded_centavos=500), refund_request(300), refund_answer())
    assert story.becomes(observe("pending", attempt="x", minute=1)).ledger.share("a").refunded == 800


def test_equal_refunds_listed_in_turn_count_once_each():
    story = link()
    story.becomes(
        paid(1000), refund_request(300), refund_request(300, name="w2"), paid(1000, minute=31, refunded_centavos=300)
    )
    story.becomes(refund_answer(minute=31), refund_answer(name="w2", minute=31.5))
    assert story.becomes(observe("pending", attempt="x")).ledger.share("a").refunded == 600
    assert story.becomes(paid(1000, minute=32, refunded_centavos=600)).ledger.share("a").refunded == 600


def test_repeated_older_report_includes_earlier_refunds():
    story = link()
    story.becomes(paid(1000), refund_request(300), refund_answer(minute=5), paid(1000, minute=6, refunded_centavos=300))
    older = paid(1000, refunded_centavos=300, status_detail="other", by_id=True, asked_at=at(40))
    story.becomes(older)
    again = replace(older, asked_at=at(42))
    assert story.becomes(again).ledger.share("a") == Share(held=700, refunded=300)
    assert story.when(again) == story.when(replace(again, asked_at=at(50))) == []


def test_money_removed_twice_alerts_twice():
    story = link()
    gone = observe("pending", minute=1, by_id=True, asked_at=at(3))
    story.becomes(paid(1000, minute=2), gone, replace(gone, asked_at=at(5)))
    story.becomes(
        ResolveAlert(alert="provider_contradicts", reason="x"), paid(1000, minute=2, by_id=True, asked_at=at(6))
    )
    assert story.when(replace(gone, asked_at=at(7)))[0].reason == "stale"
    story.becomes(replace(gone, asked_at=at(7)))
    assert story.becomes(replace(gone, asked_at=at(9))).alerts == ("provider_contradicts",)


def test_refund_without_a_time_can_be_reversed():
    story = link()
    story.becomes(paid(1000), refund_request(400))
    story.history.append(RefundMade(refund_id=refund_id_of("w1", "a"), provider_refund_id=None, made_at=None))
    assert story.becomes(paid(1000, minute=32, refunded_centavos=400)).ledger.share("a").refunded == 400
    assert story.becomes(paid(1000, minute=40)).ledger.share("a") == Share(held=1000)


# --- a direct Pix -------------------------------------------------------------------------------


def transfer(amount_centavos: int = 1000, *, name: str | None = "E1", minute: float = 5, paid_at: float | None = None):
    return confirm(amount_centavos, minute=minute, paid=paid_at, transfer=name)


@claim("pix-confirmation.status")
def test_late_pix_is_held_and_pays_once_accepted():
    story = direct_pix()
    payment = story.becomes(transfer(minute=61))
    assert outcome_of(payment) == ("cancelled", "expired", ("late_payment",))
    assert payment.ledger.total == Share(held=1000)
    assert story.when(AcceptMoney()) == [
        MoneyAccepted(amount_centavos=1000),
        status_changed("cancelled", "approved", status_detail="accredited", attempt_id="E1", paid_at=at(61)),
        AlertEnded(alert="late_payment"),
    ]
    assert outcome_of(story.becomes(AcceptMoney())) == ("approved", "accredited", ())
    assert story.when(AcceptMoney()) == []


def test_late_pix_that_the_bank_dates_in_time_pays():
    story = direct_pix()
    story.becomes(transfer(minute=65))
    assert outcome_of(story.becomes(transfer(minute=66, paid_at=59))) == ("approved", "accredited", ())
    assert story.when(transfer(minute=67, paid_at=59)) == []


def test_approval_after_an_older_logs_late_transfer_counts():
    story = expired(direct_pix())
    late = LatePaymentReceived(attempt_id="E1", amount_centavos=1000, received_at=at(61), paid_at=None, evidence=None)
    story.history += [late, recorded(paid(1000, attempt="E1", minute=62))]
    assert story.becomes(transfer(name="E2", minute=70, paid_at=59)).status == "approved"
    assert story.becomes(bank_return(of="E2")).ledger.share("E1") == Share(held=1000)


@claim("pix-confirmation.more")
def test_transfer_of_another_amount_is_held_once():
    story = direct_pix()
    payment = story.becomes(transfer(400))
    assert outcome_of(payment) == ("pending", "partially_paid", ("partially_paid",))
    assert story.when(transfer(400, minute=6)) == []
    payment = story.becomes(transfer(600, name="E2", minute=7))
    assert outcome_of(payment) == ("approved", "accredited", ())
    assert outcome_of(direct_pix().becomes(transfer(1001))) == ("approved", "accredited", ("overpaid",))


def test_changed_amount_of_a_transfer_is_refused_with_an_event():
    story = direct_pix()
    story.becomes(transfer(400))
    assert story.when(transfer(1000, minute=6)) == [ConfirmationRefused(expected_centavos=400, received_centavos=1000)]
    payment = story.becomes(transfer(1000, minute=6))
    assert (payment.status, payment.alerts) == ("pending", ("partially_paid", "wrong_confirmation"))
    assert story.when(transfer(1000, minute=7)) == []


def test_transfer_of_another_amount_allows_a_full_one_later():
    story = direct_pix()
    story.becomes(transfer(400))
    assert outcome_of(story.becomes(transfer(name=None, minute=6)))[0] == "approved"


@claim("accept.approves")
def test_accepted_short_money_pays():
    story = direct_pix()
    payment = story.becomes(transfer(400), AcceptMoney())
    assert outcome_of(payment) == ("approved", "accredited", ())
    assert story.refuses(RequestCancellation()) == "payment_already_paid"
    payment = story.becomes(transfer(100, name="E2", minute=9))
    assert outcome_of(payment) == ("approved", "accredited", ())
    assert outcome_of(story.becomes(bank_return(500 - 300, of="E1"))) == ("approved", "partially_refunded", ())


def test_accepting_late_money_does_not_lower_the_price():
    story = expired(link())
    story.becomes(paid(1000, minute=61), paid(1000, minute=62, refunded_centavos=600), AcceptMoney())
    payment = story.becomes(paid(1000, minute=63, refunded_centavos=600, status_detail="partially_refunded"))
    assert outcome_of(payment) == ("approved", "partially_refunded", ())


def test_withdrawn_accepted_money_restores_the_price():
    story = link()
    story.becomes(paid(400), AcceptMoney(), observe("cancelled", amount_centavos=400, minute=2))
    assert outcome_of(story.becomes(paid(400, attempt="b", minute=3)))[:2] == ("pending", "partially_paid")


def test_late_money_at_a_provider_can_be_accepted():
    story = expired(link())
    assert story.becomes(paid(1000, minute=61)).alerts == ("late_payment",)
    assert outcome_of(story.becomes(AcceptMoney())) == ("approved", "accredited", ())


@claim("accept.approves")
@pytest.mark.parametrize("seen", [(), (paid(1000, currency="ARS"),), (observe("refunded", refunded_centavos=1000),)])
def test_accepting_without_held_money_is_refused(seen):
    story = link()
    if seen:
        story.becomes(*seen)
    assert story.refuses(AcceptMoney()) == "nothing_to_accept"


def bank_return(
    amount_centavos: int = 1000, *, of: str | None = None, name: str = "D1", minute: float = 90
) -> RecordReturn:
    return RecordReturn(return_id=name, end_to_end_id=of, amount_centavos=amount_centavos, returned_at=at(minute))


@claim("pix-return.body")
def test_returned_late_pix_is_not_held():
    story = direct_pix()
    story.becomes(transfer(minute=61))
    assert story.when(bank_return(400))[0] == PixReturned(
        return_id="D1", attempt_id="E1", amount_centavos=400, returned_at=at(90)
    )
    payment = story.becomes(bank_return(400))
    assert outcome_of(payment) == ("cancelled", "partially_paid", ("late_payment", "partially_paid"))
    assert story.when(bank_return(400)) == []
    assert story.refuses(bank_return(401)) == "return_id_reused"
    assert story.refuses(bank_return(601, name="D2")) == "return_exceeds_held"
    payment = story.becomes(bank_return(600, name="D2"))
    assert outcome_of(payment) == ("cancelled", "expired", ())
    assert payment.ledger.total == Share(refunded=1000)


@claim("pix-return.refusals")
def test_return_of_one_of_two_transfers_must_name_it():
    story = direct_pix()
    payment = story.becomes(transfer(), transfer(name="E2", minute=6))
    assert outcome_of(payment) == ("approved", "accredited", ("duplicate_payment",))
    assert story.refuses(bank_return()) == "choose_transfer"
    assert story.refuses(bank_return(of="E3")) == "unknown_transfer"
    payment = story.becomes(bank_return(of="E2"))
    assert outcome_of(payment) == ("approved", "accredited", ())
    assert outcome_of(story.becomes(bank_return(of="E1", name="D2"))) == ("refunded", "refunded", ())


def test_unnamed_transfer_is_returned_under_its_first_name():
    story = direct_pix()
    story.becomes(transfer(name=None))
    named, returned, *_ = story.when(bank_return(of="E1"))
    assert (named, returned.attempt_id) == (TransferNamed(end_to_end_id="E1"), BANK_ID)
    story.becomes(bank_return(400, of="E1"))
    assert story.refuses(bank_return(of="E2", name="D2")) == "unknown_transfer"


def test_timely_pix_after_a_cancellation_is_approved_with_an_alert():
    story = cancelled(direct_pix())
    assert outcome_of(story.becomes(transfer(400)))[:2] == ("cancelled", "partially_paid")
    assert outcome_of(story.becomes(transfer(600, name="E2"))) == ("approved", "accredited", ("late_payment",))


def test_name_in_a_return_names_the_unnamed_transfer():
    story = direct_pix()
    story.becomes(transfer(name=None, minute=2), bank_return(of="E1", minute=10))
    assert story.when(bank_return(of="E1", minute=10)) == []
    payment = story.becomes(transfer(name="E2", minute=21, paid_at=20))
    assert (payment.ledger.share("E2").held, payment.ledger.total.refunded) == (1000, 1000)


def test_transfer_paid_after_the_unnamed_one_is_another():
    payment = direct_pix().becomes(transfer(name=None, minute=2), transfer(minute=11, paid_at=10))
    assert (payment.ledger.total.held, payment.alerts) == (2000, ("duplicate_payment",))


def test_named_confirmation_belongs_to_the_named_transfer():
    story = direct_pix()
    story.becomes(transfer(name=None, minute=70), transfer(minute=71))
    assert outcome_of(story.becomes(transfer(minute=72, paid_at=30))) == ("approved", "accredited", ())
    assert story.when(transfer(300, minute=73)) == [ConfirmationRefused(expected_centavos=1000, received_centavos=300)]


# --- alerts -------------------------------------------------------------------------------------


@claim("resolve-alert.closes")
def test_only_a_new_occurrence_raises_a_resolved_alert_again():
    story = link()
    story.becomes(paid(1000), paid(1000, attempt="b", minute=2))
    done = ResolveAlert(alert="duplicate_payment", reason="combinado com o cliente")
    assert story.when(done) == [AlertResolved(alert="duplicate_payment", reason="combinado com o cliente")]
    assert story.becomes(done).alerts == ()
    assert story.when(done) == []
    assert story.becomes(paid(1000, attempt="b", minute=3, refunded_centavos=1)).alerts == ()
    assert story.becomes(paid(1000, attempt="c", minute=4)).alerts == ("duplicate_payment",)
    assert story.refuses(ResolveAlert(alert="late_payment", reason="x")) == "alert_not_found"


def test_duplicate_alert_follows_a_refund_and_its_reversal():
    story = link()
    story.becomes(paid(1000), paid(1000, attempt="b", minute=2), refund_request(of="b"), refund_answer(of="b"))
    gone = observe("refunded", attempt="b", minute=32, refunded_centavos=1000)
    assert story.becomes(gone).alerts == ()
    payment = story.becomes(paid(1000, attempt="b", minute=40))
    assert payment.alerts == ("refund_reversed", "duplicate_payment")


def test_mismatched_attempt_alerts_until_it_is_resolved():
    story = link()
    payment = story.becomes(observe("approved", attempt="x", external_reference="extrato_16_abc"), paid(1000))
    assert outcome_of(payment) == ("approved", "accredited", ("mismatched_payment",))
    assert "x" not in payment.attempts
    assert story.becomes(ResolveAlert(alert="mismatched_payment", reason="x")).alerts == ()
    assert story.becomes(paid(1000, minute=9)).alerts == ()


def test_resolved_alert_that_ended_can_be_raised_again():
    story = link()
    story.becomes(paid(400), ResolveAlert(alert="partially_paid", reason="x"), paid(600, attempt="b", minute=2))
    payment = story.becomes(observe("cancelled", attempt="b", amount_centavos=600, minute=3))
    assert payment.alerts == ("provider_contradicts", "partially_paid")


def test_lower_amount_of_an_attempt_removes_money():
    payment = link().becomes(paid(1000), paid(500, minute=2))
    assert payment.alerts == ("provider_contradicts", "partially_paid")
    payment = link().becomes(paid(1000), paid(1000, currency="ARS", minute=2))
    assert payment.alerts == ("provider_contradicts", "mismatched_payment")


def test_attempt_with_a_changed_reference_alerts_until_resolved():
    story = link()
    payment = story.becomes(paid(1000), paid(1000, minute=2, external_reference="extrato_16_abc"))
    assert payment.alerts == ("mismatched_payment",)


# --- older logs ---------------------------------------------------------------------------------


def test_mismatched_amount_of_an_older_log_is_held():
    wrong = ObservationMismatched(
        attempt_id="a",
        field="amount_centavos",
        expected="1000",
        observed="400",
        status="approved",
        observed_at=at(1),
        evidence=None,
    )
    story = given_events(OPENED, CHARGED, wrong)
    payment = story.becomes(paid(400, minute=1))
    assert outcome_of(payment) == ("pending", "partially_paid", ("partially_paid",))
    assert payment.ledger.total == Share(held=400)


@pytest.mark.parametrize(
    ("first", "second", "held"),
    [("pending", "approved", 400), ("rejected", "approved", 400), ("approved", "refunded", 0)],
)
def test_newest_mismatch_of_an_older_log_counts(first, second, held):
    words = [
        ObservationMismatched(
            attempt_id="a",
            field="amount_centavos",
            expected="1000",
            observed="400",
            status=status,
            observed_at=at(minute),
            evidence=None,
        )
        for minute, status in enumerate((first, second))
    ]
    payment = PAYMENT.fold([OPENED, CHARGED, *words])
    assert payment.ledger.total.held == held


def test_older_logs_currency_mismatch_alerts_until_observed():
    wrong = ObservationMismatched(
        attempt_id="a",
        field="currency",
        expected="BRL",
        observed="ARS",
        status="approved",
        observed_at=at(1),
        evidence=None,
    )
    story = given_events(OPENED, CHARGED, wrong)
    assert outcome_of(story.becomes(paid(1000, currency="ARS"))) == (
        "pending",
        "other_currency",
        ("mismatched_payment",),
    )
    assert story.becomes(observe("refunded", currency="ARS", minute=5, refunded_centavos=1000)).alerts == ()


def test_late_and_second_transfers_of_an_older_log_count():
    late = LatePaymentReceived(attempt_id=None, amount_centavos=1000, received_at=at(61), paid_at=None, evidence=None)
    story = expired(direct_pix())
    story.history.append(late)
    assert outcome_of(story.becomes(AcceptMoney())) == ("approved", "accredited", ())
    story = direct_pix()
    story.becomes(transfer())
    story.history.append(DuplicatePaymentObserved(attempt_id="E2", already_paid_by="E1", amount_centavos=1000))
    payment = story.becomes(bank_return(of="E2"))
    assert (payment.ledger.total, payment.alerts) == (Share(held=1000, refunded=1000), ())
