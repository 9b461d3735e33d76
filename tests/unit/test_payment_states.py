"""The states of a payment, and the fields of each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts.events import ChargeRefused
from extrato.domain.payment.commands import (
    Command,
    CompleteCancellation,
    Expire,
    RecordCharge,
    RequestCancellation,
    StartWatch,
)
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.payment.evolving import evolve
from extrato.domain.payment.state import INITIAL, Charged, ChargeNotCreated, Requested, charged, requested
from extrato.errors import ChargeWasRefused, ProviderUnavailable
from extrato.use_cases import payments
from tests.examples import loaded_payment
from tests.unit.payment_story import CHARGED, NO_CHARGE, NOON, OPENED, PIX, at, given_events

CANCEL = RequestCancellation()
CLOSED = CompleteCancellation(charge_id=None)
CHARGE = RecordCharge(charge=CHARGED, watch_until=None)
CHARGE_CLOSED = CompleteCancellation(charge_id=CHARGED.charge_id)
NO = RecordCharge(charge=NO_CHARGE, watch_until=None)
WATCH = StartWatch(now=NOON, duration=timedelta(minutes=5))
EXPIRE = Expire(now=at(60))


def test_payment_is_requested_until_its_provider_answers():
    assert PAYMENT.fold([OPENED]) == requested(OPENED)
    assert (
        PAYMENT.fold([OPENED, CHARGED]) == PAYMENT.fold([replace(OPENED, charge=CHARGED)]) == charged(OPENED, CHARGED)
    )
    assert isinstance(PAYMENT.fold([OPENED, NO_CHARGE]), ChargeNotCreated)


@pytest.mark.parametrize(
    ("commands", "stands"),
    [
        ([WATCH], (Requested, False, "none")),
        ([CANCEL], (Requested, False, "requested")),
        ([CANCEL, CLOSED], (Requested, False, "completed")),
        ([EXPIRE], (Requested, True, "none")),
        ([CANCEL, EXPIRE], (Requested, True, "requested")),
        ([CANCEL, EXPIRE, CLOSED], (Requested, True, "completed")),
        ([CHARGE], (Charged, False, "none")),
        ([CHARGE, CANCEL], (Charged, False, "requested")),
        ([CHARGE, CANCEL, CHARGE_CLOSED], (Charged, False, "completed")),
        ([CHARGE, EXPIRE], (Charged, True, "none")),
        ([CHARGE, EXPIRE, CANCEL], (Charged, True, "requested")),
        ([CHARGE, CANCEL, EXPIRE], (Charged, True, "requested")),
        ([CHARGE, EXPIRE, CANCEL, CHARGE_CLOSED], (Charged, True, "completed")),
        ([CANCEL, CLOSED, CHARGE], (Charged, False, "requested")),
        ([EXPIRE, CHARGE], (Charged, True, "requested")),
        ([NO], (ChargeNotCreated, False, "none")),
        ([CANCEL, NO], (ChargeNotCreated, False, "requested")),
        ([CANCEL, NO, CLOSED], (ChargeNotCreated, False, "completed")),
        ([EXPIRE, NO], (ChargeNotCreated, True, "none")),
        ([CANCEL, EXPIRE, NO], (ChargeNotCreated, True, "requested")),
        ([CANCEL, EXPIRE, NO, CLOSED], (ChargeNotCreated, True, "completed")),
    ],
)
def test_every_state_may_be_expired_and_cancelled(commands: list[Command], stands: tuple[type, bool, str]):
    payment = given_events(OPENED).becomes(*commands)
    assert (type(payment), payment.expired, payment.cancellation) == stands
    state, expired, cancellation = stands
    assert payment.is_closed == (expired or cancellation == "completed" or state is ChargeNotCreated)


@pytest.mark.parametrize("first", [CHARGED, PIX, NO_CHARGE])
@pytest.mark.parametrize("second", [CHARGED, PIX, NO_CHARGE])
def test_later_of_two_provider_answers_counts(first, second):
    before = given_events(OPENED, first).becomes(EXPIRE if first is CHARGED else WATCH)
    after = evolve(before, second)
    if isinstance(second, ChargeRefused):
        assert isinstance(after, ChargeNotCreated)
        assert after.refusal == second
    else:
        assert isinstance(after, Charged)
        assert after.charge == second
    kept = {"intent", "expired", "cancellation", "watch_until", "fingerprints", "alerts", "raised"}
    assert {name: getattr(after, name) for name in kept} == {name: getattr(before, name) for name in kept}


def test_only_its_opening_can_begin_a_payment():
    with pytest.raises(TypeError, match="ChargeCreated cannot be the first event of a payment"):
        evolve(INITIAL, CHARGED)


def test_loaded_payment_is_charged_only_with_its_charge():
    loaded = loaded_payment()
    with pytest.raises(ProviderUnavailable, match="has not created the charge yet"):
        payments.charged(loaded)
    with pytest.raises(ChargeWasRefused, match=NO_CHARGE.reason):
        payments.charged(replace(loaded, payment=evolve(loaded.payment, NO_CHARGE)))
    made = replace(loaded, payment=evolve(loaded.payment, CHARGED))
    assert payments.charged(made) is made
