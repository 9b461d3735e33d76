"""Payments, centavos and detection delays are counted under a bounded number of labels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from contracts.envelope import ACTORS
from contracts.events import ObservationRecorded, StatusChanged
from extrato.use_cases.payment_metrics import CHANNELS, count_events, count_opening
from tests.integration.store.examples import opened

NOON = datetime(2026, 1, 12, 12, 0, tzinfo=UTC)
SEEN = ObservationRecorded(
    attempt_id="a1",
    status="approved",
    status_detail=None,
    amount_centavos=1000,
    currency="BRL",
    refunded_centavos=0,
    observed_at=NOON,
    paid_at=NOON,
    payer_email=None,
    evidence=None,
)
APPROVED = StatusChanged(previous="pending", status="approved", status_detail=None, attempt_id="a1", paid_at=NOON)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Counted:
    """What was counted since the start of the test."""

    def __init__(self) -> None:
        self._before = self._values()

    @staticmethod
    def _values() -> dict[tuple[str, str], float]:
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in REGISTRY.collect()
            if family.name in {"extrato_payments", "extrato_payment_centavos", "extrato_detection_delay_seconds"}
            for sample in family.samples
            if not sample.name.endswith(("_bucket", "_created"))
        }

    def since(self) -> dict[tuple[str, str], float]:
        return {
            name: round(now - self._before.get(name, 0), 6)
            for name, now in self._values().items()
            if now != self._before.get(name, 0)
        }


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_opened_payment_counts_as_pending(counted):
    count_opening(opened(1500))
    assert counted.since() == {
        ("extrato_payments_total", "pending"): 1,
        ("extrato_payment_centavos_total", "pending"): 1500,
    }


@pytest.mark.parametrize(
    ("actor", "channel"),
    [("webhook", "webhook"), ("sweep", "sweep"), ("clock", "sweep"), ("check", "check"), ("return_page", "return")],
)
def test_approval_is_counted_by_its_channel(counted, actor, channel):
    count_events([SEEN, APPROVED], opened(1500), actor=actor, recorded_at=NOON + timedelta(seconds=3))
    assert counted.since() == {
        ("extrato_payments_total", "approved"): 1,
        ("extrato_payment_centavos_total", "approved"): 1500,
        ("extrato_detection_delay_seconds_count", channel): 1,
        ("extrato_detection_delay_seconds_sum", channel): 3,
    }


def test_provider_whose_clock_is_ahead_has_no_negative_delay(counted):
    count_events([SEEN, APPROVED], opened(), actor="sweep", recorded_at=NOON - timedelta(seconds=3))
    assert counted.since()["extrato_detection_delay_seconds_count", "sweep"] == 1
    assert ("extrato_detection_delay_seconds_sum", "sweep") not in counted.since()


@pytest.mark.parametrize(
    ("events", "actor"),
    [
        pytest.param([SEEN, APPROVED], "bank", id="bank"),
        pytest.param([APPROVED], "api_key", id="accepted money"),
        pytest.param([SEEN, replace(APPROVED, previous="in_mediation")], "sweep", id="dispute that was won"),
        pytest.param([replace(SEEN, paid_at=None), APPROVED], "sweep", id="no time of payment"),
    ],
)
def test_other_approvals_have_no_delay(counted, events, actor):
    count_events(events, opened(), actor=actor, recorded_at=NOON)
    assert {name for name, _ in counted.since()} == {"extrato_payments_total", "extrato_payment_centavos_total"}


def test_unknown_statuses_share_one_label(counted):
    for number in range(50):
        count_events([replace(APPROVED, status=f"hostile{number}")], opened(2), actor="webhook", recorded_at=NOON)
    assert counted.since() == {
        ("extrato_payments_total", "other"): 50,
        ("extrato_payment_centavos_total", "other"): 100,
    }


def test_other_currencies_are_not_added_up(counted):
    count_events([APPROVED], replace(opened(), currency="USD"), actor="check", recorded_at=NOON)
    assert counted.since() == {}


def test_channels_are_of_known_actors():
    assert set(CHANNELS) <= set(ACTORS)
