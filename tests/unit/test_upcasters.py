from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.events import EVENT_OF_TOPIC, ApiKeyIssued, ProviderConnected, StatusChanged
from contracts.upcasters import UPCASTERS, upcast
from extrato.store.codec import UnreadableEvent, read_event

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_first_shape_of_status_changed_is_read_as_the_present_one():
    event = read_event("StatusChanged.v1", (GOLDEN / "StatusChanged.v1.json").read_bytes())

    assert event == StatusChanged(
        previous="pending",
        status="approved",
        status_detail="accredited",
        attempt_id=None,
        paid_at=datetime(2026, 1, 20, 21, 3, 4, 500_000, tzinfo=UTC),
    )


def test_the_first_shape_of_status_changed_could_lack_details():
    event = read_event("StatusChanged.v1", b'{"from_status": "pending", "to_status": "rejected"}')

    assert isinstance(event, StatusChanged)
    assert (event.status, event.status_detail, event.paid_at) == ("rejected", None, None)


def test_the_first_shape_of_provider_connected_charged_pix_by_payments():
    event = read_event("ProviderConnected.v1", (GOLDEN / "ProviderConnected.v1.json").read_bytes())

    assert event == ProviderConnected(
        provider="mercado_pago", account_id="174087000", credential_digest="01" * 32, pix_api="payments"
    )


def test_a_key_of_the_first_shape_that_charges_may_refund_and_set_prices():
    event = read_event("ApiKeyIssued.v1", (GOLDEN / "ApiKeyIssued.v1.json").read_bytes())

    assert event == ApiKeyIssued(
        key_id="a1b2c3d4",
        secret_digest="23" * 32,
        scopes=("confirm", "payments:read", "payments:refund", "payments:write"),
        listed_prices_only=False,
    )


def test_a_key_of_the_first_shape_that_does_not_charge_may_not_refund():
    data = {"key_id": "a1b2c3d4", "secret_digest": "23" * 32, "scopes": ["payments:read", "admin"]}

    assert upcast("ApiKeyIssued.v1", data)[1] == {**data, "listed_prices_only": False}


@pytest.mark.parametrize("topic", UPCASTERS)
def test_every_old_shape_has_a_golden_file_that_can_be_read(topic: str):
    event = read_event(topic, (GOLDEN / f"{topic}.json").read_bytes())

    assert type(event) in EVENT_OF_TOPIC.values()


def test_no_topic_is_both_present_and_old():
    assert not UPCASTERS.keys() & EVENT_OF_TOPIC.keys()


def test_every_chain_of_upcasters_ends_in_a_present_event():
    for topic in UPCASTERS:
        seen = {topic}
        while topic in UPCASTERS:
            topic, _ = UPCASTERS[topic]  # noqa: PLW2901 - walking the chain
            assert topic not in seen
            seen.add(topic)
        assert topic in EVENT_OF_TOPIC


def test_data_of_the_present_is_left_alone():
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
def test_a_shape_that_nobody_knows_is_unreadable(topic: str, data: bytes):
    with pytest.raises(UnreadableEvent):
        read_event(topic, data)
