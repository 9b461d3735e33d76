"""Bounds for the record of one webhook, and for the webhooks of one merchant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrato import token_bucket
from extrato.identifiers import named_uuid
from services.gateway.api.webhook_record import MAX_UNVERIFIED_BYTES, MAX_VERIFIED_BYTES, fitted
from services.gateway.workers import webhook_budgets as module
from services.gateway.workers.webhook_budgets import BODY_BYTES_PER_MINUTE, UNVERIFIED_BURST, WebhookBudgets

HEADERS = {"x-signature": "ts=1,v1=" + "0" * 64, "x-request-id": "2066ca19", "user-agent": "MercadoPago WebHook v1.0"}
BODY = b'{"data": {"id": "1"}, "type": "payment"}'


@pytest.mark.parametrize("maximum", [MAX_VERIFIED_BYTES, MAX_UNVERIFIED_BYTES])
def test_typical_delivery_is_stored_whole(maximum):
    kept = json.loads(fitted("id", "/webhooks/mercadopago/padaria/?data.id=1", HEADERS, BODY, maximum=maximum))
    assert kept == {
        "delivery_id": "id",
        "path": "/webhooks/mercadopago/padaria/?data.id=1",
        "headers": HEADERS,
        "body_bytes": len(BODY),
        "body": BODY.decode(),
    }


@pytest.mark.parametrize(
    ("path", "header", "body"),
    [
        ("/" + "a" * 8000, "a", b""),
        ("/", "a" * 8000, b""),
        ("/" + '"' * 8000, "\\" * 8000, b"\0" * 65_536),
        ("/\udcff" * 4000, "\udcff" * 8000, b"\xff" * 65_536),
        ("/", "a", b"a" * 65_536),
        ("/", "a", "ã🍞".encode() * 9000),
        ("/", "a", b"a" * 60_000 + b"\0" * 5_536),
    ],
    ids=["path", "header", "escaped", "no_text", "body", "wide_characters", "uneven"],
)
def test_no_part_exceeds_the_record_bound(path, header, body):
    for maximum in (MAX_VERIFIED_BYTES, MAX_UNVERIFIED_BYTES):
        record = fitted("id", path, dict.fromkeys(HEADERS, header), body, maximum=maximum)
        kept = json.loads(record)
        assert len(record) <= maximum
        assert kept["body_bytes"] == len(body)
        # Cutting loses little: one character may take six bytes.
        assert len(record) > maximum - 12 or len(kept["body"]) == len(body.decode(errors="replace"))


@given(
    st.text(st.characters(max_codepoint=0xFFFF), max_size=3000),
    st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text(max_size=3000), max_size=3),
    st.none() | st.binary(max_size=9000),
)
def test_any_record_is_bounded(path, headers, body):
    record = fitted("id", path, headers, body, maximum=MAX_UNVERIFIED_BYTES)
    assert len(record) <= MAX_UNVERIFIED_BYTES
    assert ("body" in json.loads(record)) == (body is not None)


class Clock:
    now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(token_bucket, "time", clock)
    return clock


def test_unverified_deliveries_have_a_budget_per_merchant(clock):
    budgets = WebhookBudgets()
    taken = [budgets.of("padaria").unverified.take() for _ in range(1000)]
    assert sum(taken) == UNVERIFIED_BURST
    assert budgets.of("mercado").unverified.take()
    assert budgets.of("padaria").body_bytes.take(MAX_VERIFIED_BYTES)
    clock.now_s += 3600
    assert sum(budgets.of("padaria").unverified.take() for _ in range(1000)) == UNVERIFIED_BURST


def test_verified_bodies_have_a_budget_in_bytes(clock):
    budget = WebhookBudgets().of("padaria")
    assert sum(budget.body_bytes.take(MAX_VERIFIED_BYTES) for _ in range(1000)) == 64
    clock.now_s += 30
    taken = sum(budget.body_bytes.take(1024) for _ in range(10_000))
    assert taken == BODY_BYTES_PER_MINUTE // 2 // 1024


def test_number_of_budgets_is_bounded(clock, monkeypatch):
    del clock
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    budgets = WebhookBudgets()
    first = budgets.of("a")
    for merchant in "bcad":
        budgets.of(merchant)
    assert budgets.of("a") is first
    assert len(budgets._budgets) == 3


def test_named_uuid_depends_only_on_its_name():
    assert named_uuid("a\nb") == named_uuid("a\nb") != named_uuid("a\nc")
    assert (named_uuid("a").version, named_uuid("a").variant) == (8, "specified in RFC 4122")
    assert named_uuid("\udcff") != named_uuid("ÿ")
