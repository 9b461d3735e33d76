from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.events import (
    EVENT_OF_TOPIC,
    ApiKeyIssued,
    ChargeCreated,
    LatePaymentReceived,
    ObservationIgnored,
    ObservationRecorded,
    PaymentOpened,
    ProviderConnected,
    RefundMade,
    RefundRequested,
    StatusChanged,
)
from contracts.upcasters import UPCASTERS, upcast
from extrato.store.codec import UnreadableEvent, read_event

GOLDEN = Path(__file__).parents[1] / "golden"
TOLD_AT = datetime(2026, 1, 20, 21, 3, 4, 500_000, tzinfo=UTC)
REFUND_ID = "4b0c1c3e-5a7d-4b8c-9a55-7b2f1f0f4c11"


def golden(topic: str) -> object:
    """The event that the upcasters return for a golden file of an old shape."""
    return read_event(topic, (GOLDEN / f"{topic}.json").read_bytes())


def test_first_status_changed_is_read_as_the_current_one():
    event = read_event("StatusChanged.v1", (GOLDEN / "StatusChanged.v1.json").read_bytes())

    assert event == StatusChanged(
        previous="pending",
        status="approved",
        status_detail="accredited",
        attempt_id=None,
        paid_at=datetime(2026, 1, 20, 21, 3, 4, 500_000, tzinfo=UTC),
    )


def test_first_status_changed_may_lack_details():
    event = read_event("StatusChanged.v1", b'{"from_status": "pending", "to_status": "rejected"}')

    assert isinstance(event, StatusChanged)
    assert (event.status, event.status_detail, event.paid_at) == ("rejected", None, None)


def test_second_payment_opened_has_no_charge():
    event = golden("PaymentOpened.v2")

    assert isinstance(event, PaymentOpened)
    assert (event.provider, event.method, event.charge) == ("pix", "pix", None)


def test_third_payment_opened_may_have_a_charge():
    """A change of the charge's shape raises the version of this event too; then this file needs an upcaster."""
    event = golden("PaymentOpened.v3")

    assert isinstance(event, PaymentOpened)
    assert event.charge == ChargeCreated(
        charge_id="00000000000F800080000123A",
        attempt_id=None,
        account_id=None,
        checkout_url=None,
        sandbox_url=None,
        pix_payload="00020126",
    )


def test_fourth_payment_opened_has_nothing_of_the_merchants_order():
    event = golden("PaymentOpened.v4")

    assert isinstance(event, PaymentOpened)
    assert event.payer_email == "s1.sealed"
    assert (event.reference, event.unique_reference, event.metadata, event.return_url) == (None, False, None, None)


def test_first_provider_connected_uses_the_payments_api():
    event = read_event("ProviderConnected.v1", (GOLDEN / "ProviderConnected.v1.json").read_bytes())

    assert event == ProviderConnected(
        provider="mercado_pago", account_id="174087000", credential_digest="01" * 32, pix_api="payments"
    )


def test_first_key_that_charges_may_refund_and_set_prices():
    event = read_event("ApiKeyIssued.v1", (GOLDEN / "ApiKeyIssued.v1.json").read_bytes())

    assert event == ApiKeyIssued(
        key_id="a1b2c3d4",
        secret_digest="23" * 32,
        scopes=("confirm", "payments:read", "payments:refund", "payments:write"),
        listed_prices_only=False,
        name=None,
    )


def test_second_key_has_no_name():
    event = read_event("ApiKeyIssued.v2", (GOLDEN / "ApiKeyIssued.v2.json").read_bytes())

    assert event == ApiKeyIssued(
        key_id="a1b2c3d4",
        secret_digest="23" * 32,
        scopes=("payments:read", "payments:write"),
        listed_prices_only=True,
        name=None,
    )


def test_first_key_that_does_not_charge_may_not_refund():
    data = {"key_id": "a1b2c3d4", "secret_digest": "23" * 32, "scopes": ["payments:read", "admin"]}

    assert upcast("ApiKeyIssued.v1", data)[1] == {**data, "listed_prices_only": False, "name": None}


def test_first_observation_is_in_reais():
    assert golden("ObservationRecorded.v1") == ObservationRecorded(
        attempt_id="143845679916",
        status="approved",
        status_detail="accredited",
        amount_centavos=3500,
        currency="BRL",
        refunded_centavos=0,
        observed_at=TOLD_AT,
        paid_at=TOLD_AT,
        payer_email=None,
        evidence="ef" * 32,
    )


def test_first_ignored_observation_has_no_time():
    assert golden("ObservationIgnored.v1") == ObservationIgnored(
        attempt_id="143845679916",
        status="pending",
        status_detail="pending_waiting_transfer",
        observed_at=TOLD_AT,
        ignored_at=None,
        reason="stale",
        evidence="ef" * 32,
    )


def test_second_late_payment_is_the_attempt_that_the_bank_named():
    assert golden("LatePaymentReceived.v2") == LatePaymentReceived(
        attempt_id="E00000000202601202103abcdefghijk",
        amount_centavos=3500,
        received_at=TOLD_AT,
        paid_at=None,
        evidence=None,
    )


def test_first_late_payment_names_no_attempt():
    event = golden("LatePaymentReceived.v1")

    assert isinstance(event, LatePaymentReceived)
    assert (event.attempt_id, event.paid_at, event.evidence) == (None, None, None)


def test_second_refund_is_a_request_of_one_refund():
    assert golden("RefundRequested.v2") == RefundRequested(
        refund_id=REFUND_ID,
        wish_id=REFUND_ID,
        attempt_id="143845679916",
        amount_centavos=500,
        is_all=False,
        reason=None,
        requested_at=TOLD_AT,
        known_refunds=None,
    )


def test_first_refund_is_a_request_without_a_time():
    event = golden("RefundRequested.v1")

    assert isinstance(event, RefundRequested)
    assert (event.wish_id, event.requested_at) == (event.refund_id, None)


def test_first_made_refund_has_no_time():
    assert golden("RefundMade.v1") == RefundMade(refund_id=REFUND_ID, provider_refund_id="3269585000", made_at=None)


@pytest.mark.parametrize("topic", UPCASTERS)
def test_every_old_shape_has_a_readable_golden_file(topic: str):
    event = read_event(topic, (GOLDEN / f"{topic}.json").read_bytes())

    assert type(event) in EVENT_OF_TOPIC.values()


def test_no_topic_is_both_current_and_old():
    assert not UPCASTERS.keys() & EVENT_OF_TOPIC.keys()


def test_every_chain_of_upcasters_ends_in_a_current_event():
    for topic in UPCASTERS:
        seen = {topic}
        while topic in UPCASTERS:
            topic, _ = UPCASTERS[topic]  # noqa: PLW2901 - walking the chain
            assert topic not in seen
            seen.add(topic)
        assert topic in EVENT_OF_TOPIC


def test_current_data_is_unchanged():
    data = {"previous": "a"}
    assert upcast("StatusChanged.v2", data) == ("StatusChanged.v2", data)


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        ("StatusChanged.v1", b"{}"),
        ("StatusChanged.v1", b"[]"),
        ("StatusChanged.v1", b'{"from_status": 1, "to_status": "x"}'),
        ("StatusChanged.v2", b"{}"),
        ("StatusChanged.v3", b"{}"),
        ("StatusChanged.v1", b"nonsense"),
    ],
)
def test_unknown_shape_is_unreadable(topic: str, data: bytes):
    with pytest.raises(UnreadableEvent):
        read_event(topic, data)
