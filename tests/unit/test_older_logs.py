"""A log from before other amounts, late and second transfers were in the state: the hub reads it and shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from contracts.events import ChargeCreated, PaymentEvent, PaymentOpened
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.payment.ledger import Share
from extrato.domain.payment.state import Opened
from extrato.store.codec import read_event

LOG: Final = json.loads((Path(__file__).parents[1] / "golden" / "log.json").read_text())
STORIES: Final = {story["name"]: story for story in LOG}

# The payments whose state improved, with their held money; all others keep the state of the older log.
BETTER: Final = {
    "two parts": ("approved", "accredited", 1000),
    "a part": ("pending", "partially_paid", 400),
    "a part and closed": ("cancelled", "partially_paid", 400),
    "too much": ("approved", None, 1001),
    "charged back and won": ("approved", "accredited", 1000),
    "refund made and not observed": ("approved", "partially_refunded", 700),
}


def events_of(story: dict[str, Any]) -> list[PaymentEvent]:
    return [read_event(topic, msgspec.json.encode(data)) for topic, data in story["events"]]  # type: ignore[misc]


def opened(story: dict[str, Any]) -> Opened:
    payment = PAYMENT.fold(events_of(story))
    assert isinstance(payment, Opened)
    return payment


@pytest.mark.parametrize("name", [name for name in STORIES if name.startswith("direct pix")])
def test_direct_pix_in_two_events_equals_one_in_one_event(name: str):
    intent, charge, *rest = events_of(STORIES[name])
    assert isinstance(intent, PaymentOpened)
    assert isinstance(charge, ChargeCreated)
    assert PAYMENT.fold([replace(intent, charge=charge), *rest]) == opened(STORIES[name])


@pytest.mark.parametrize("name", STORIES.keys() - BETTER.keys())
def test_payment_of_an_older_log_keeps_its_state(name: str):
    story, payment = STORIES[name], opened(STORIES[name])
    assert payment.status == story["status"]
    assert payment.alerts == tuple(story["alerts"])
    # A payment closed unpaid has the reason of its closing, not that of an attempt seen later.
    assert payment.status_detail == story["status_detail"] or payment.ledger.closed == payment.status_detail


@pytest.mark.parametrize("name", BETTER)
def test_mismatched_money_of_an_older_log_is_held(name: str):
    payment = opened(STORIES[name])
    assert (payment.status, payment.status_detail, payment.ledger.total.held) == BETTER[name]


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("direct pix late", 1000),
        ("direct pix late by name", 1000),
        ("direct pix two late", 2000),
        ("direct pix twice", 2000),
        ("expired and paid late", 1000),
        ("refunded", 0),
    ],
)
def test_late_and_second_transfers_of_an_older_log_are_held(name: str, held: int):
    total = opened(STORIES[name]).ledger.total
    assert total == Share(held=held, refunded=total.refunded)
