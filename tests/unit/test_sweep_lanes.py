"""When the hub looks again at a payment: by whether it is watched, payable, or over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.events import PaymentExpired, WatchStarted
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.sweep_lanes import FAST, QUIET, SLOW, lane_of, next_sweep
from tests.unit.payment_story import CHARGED, NO_CHARGE, NOON, OPENED, at

WATCHED = WatchStarted(watch_until=at(10))


@pytest.mark.parametrize(
    ("events", "minutes", "lane"),
    [
        ([OPENED, CHARGED, WATCHED], 5, FAST),
        ([OPENED, CHARGED, WATCHED], 11, SLOW),
        ([OPENED, CHARGED], 0, SLOW),
        ([OPENED, CHARGED, WATCHED, PaymentExpired(expires_at=at(4))], 5, QUIET),
        ([OPENED, NO_CHARGE], 0, QUIET),
    ],
)
def test_payment_has_the_lane_of_its_state(events, minutes, lane):
    assert lane_of(PAYMENT.fold(events), at(minutes)) == lane


def test_next_sweep_follows_the_last_one():
    payment = PAYMENT.fold([OPENED, CHARGED])
    assert next_sweep(payment, last=NOON, now=at(1)) == NOON + timedelta(seconds=300)
    assert next_sweep(payment, last=None, now=at(1)) == at(1) + timedelta(seconds=300)


def test_late_sweep_is_due_at_once():
    assert next_sweep(PAYMENT.fold([OPENED, CHARGED]), last=NOON, now=at(60)) == at(60)
