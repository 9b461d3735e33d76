"""How a payment stands for a payer, in which words, and markup that no text can break."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import ChargeCreated, ChargeRefused, Item, PaymentOpened
from extrato.domain.payment.state import SETTLED, Attempt, Opened
from services.gateway.pages import words
from services.gateway.pages.assets import FOLDER, TYPES
from services.gateway.pages.layout import HEADERS, page, unavailable
from services.gateway.pages.markup import Html, document, tag
from services.gateway.pages.standing import LATE, MAY_PAY, Standing, standing_of, standing_on_return

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=30)
PAGES = Path(words.__file__).parent
LINK = ChargeCreated(
    charge_id="1-2",
    attempt_id=None,
    account_id=None,
    checkout_url="https://mp.example/1",
    sandbox_url=None,
    pix_payload=None,
)
PIX = ChargeCreated(
    charge_id="7", attempt_id="7", account_id=None, checkout_url=None, sandbox_url=None, pix_payload="000201"
)
INTENT = PaymentOpened(
    provider="mercado_pago",
    method="checkout",
    amount_centavos=3500,
    currency="BRL",
    title="Pedido",
    description="10x Pão Francês",
    items=(Item("Pão Francês", 10, 350),),
    external_reference="extrato_15_0123456789ab",
    bank_payment_id="00000000-000f-8000-8000-0123456789ab",
    payer_email=None,
    expires_at=LATER,
)


def payment(*attempts, **more):
    """A payment whose attempts have these statuses; the last one speaks."""
    known = {
        str(number): Attempt(
            status=status,
            status_detail=None,
            amount_centavos=3500,
            refunded_centavos=0,
            observed_at=NOON,
            paid_at=None,
            payer_email=None,
            was_paid=status in SETTLED,
        )
        for number, status in enumerate(attempts, start=7)
    }
    status = attempts[-1] if attempts else "pending"
    return Opened(**{"intent": INTENT, "charge": LINK, "status": status, "attempts": known, **more})


def paid_and_then(status, **more):
    """A payment whose one attempt was paid before it has this status."""
    stands = payment(status, **more)
    attempts = {name: replace(attempt, was_paid=True) for name, attempt in stands.attempts.items()}
    return replace(stands, attempts=attempts)


@pytest.mark.parametrize(
    ("stands", "at", "expected"),
    [
        (payment(charge=None), NOON, "preparing"),
        (payment(), NOON, "open"),
        (payment(), LATER, "expired"),
        (payment(charge=None), LATER, "expired"),
        (payment("pending"), NOON, "waiting"),
        (payment("in_process"), NOON, "reviewing"),
        (payment("authorized"), NOON, "reviewing"),
        (payment("a_status_of_tomorrow"), NOON, "reviewing"),
        (paid_and_then("a_status_of_tomorrow"), NOON, "reviewing"),
        (paid_and_then("a_status_of_tomorrow", expired=True), LATER, "reviewing"),
        (paid_and_then("a_status_of_tomorrow", cancellation="made"), NOON, "reviewing"),
        (payment("pending", "in_process"), NOON, "reviewing"),
        (payment("in_process"), LATER, "settling"),
        (payment("pending"), LATER, "settling"),
        (payment("rejected"), NOON, "refused"),
        (payment("rejected"), LATER, "expired"),
        (payment("rejected", "pending"), NOON, "waiting"),
        (payment("cancelled"), NOON, "open"),
        (payment("approved"), LATER, "paid"),
        (payment("refunded"), NOON, "refunded"),
        (payment("in_mediation"), NOON, "disputed"),
        (payment("charged_back"), NOON, "charged_back"),
        (payment(status="cancelled", expired=True), LATER, "expired"),
        (payment(status="cancelled", cancellation="made"), NOON, "cancelled"),
        (payment(cancellation="requested"), NOON, "closing"),
        (payment(cancellation="requested"), LATER, "closing"),
        (payment(cancellation="requested", charge=None), NOON, "closing"),
        (payment("pending", cancellation="requested"), NOON, "closing"),
        (payment("in_process", cancellation="requested"), LATER, "closing"),
        (payment("approved", cancellation="requested"), NOON, "paid"),
        (payment(status="cancelled", cancellation="requested", expired=True), LATER, "expired"),
        (payment(charge=ChargeRefused(code="no", reason="no")), NOON, "cancelled"),
        (payment(charge=PIX), NOON, "open"),
        (payment("pending", charge=PIX), NOON, "waiting"),
        (payment("in_process", charge=PIX), NOON, "reviewing"),
        (payment(charge=PIX), LATER, "settling"),
        (payment("cancelled", charge=PIX), NOON, "cancelled"),
        (payment("cancelled", charge=PIX, status_detail="expired"), NOON, "expired"),
        (payment("cancelled", "approved", expired=True), LATER, "paid"),
    ],
)
def test_a_payment_stands_for_its_payer(stands, at, expected):
    assert standing_of(stands, at) == expected


@pytest.mark.parametrize("stands", [payment(), payment("rejected"), payment(status="cancelled", expired=True)])
def test_nothing_is_called_expired_while_a_provider_that_was_just_asked_is_silent(stands):
    assert standing_of(stands, LATER, is_answered=False) == "settling"
    assert standing_of(stands, LATER + LATE, is_answered=False) == "expired"


@pytest.mark.parametrize(
    ("stands", "expected"),
    [
        (payment(), "checking"),
        (payment("rejected"), "checking"),
        (payment("pending"), "checking"),
        (payment("in_process"), "reviewing"),
        (payment("approved"), "paid"),
        (payment(charge=None), "preparing"),
        (payment(cancellation="requested"), "closing"),
    ],
)
def test_who_comes_back_is_led_to_pay_only_once_the_provider_has_told(stands, expected):
    answered, unanswered = (standing_of(stands, NOON, is_answered=told) for told in (True, False))
    assert standing_on_return(answered, is_answered=True) == answered
    assert standing_on_return(unanswered, is_answered=False) == expected
    assert standing_on_return(unanswered, is_answered=False) not in MAY_PAY


@pytest.mark.parametrize("said", [words.PIX, words.LINK, words.RETURN])
def test_every_page_has_words_for_every_standing(said):
    assert set(said) == set(get_args(Standing))
    assert {each.tone for each in said.values()} <= {"calm", "good", "wait", "bad"}


@pytest.mark.parametrize("said", [words.PIX, words.LINK, words.RETURN])
def test_no_words_depend_on_a_script(said):
    assert [each.lead for each in said.values() if "se atualiza" in each.lead] == []


@pytest.mark.parametrize("said", [words.LINK, words.RETURN])
@pytest.mark.parametrize("standing", ["reviewing", "checking", "settling", "closing", "expired", "cancelled"])
def test_nobody_who_has_paid_is_told_to_pay_again(said, standing):
    assert re.search("[Nn]ão (é preciso )?pag(ue|ar) de novo", said[standing].lead)


@given(st.text())
def test_a_text_in_markup_is_that_text_and_nothing_else(text):
    assert tag("p", text).text == f"<p>{escape(text)}</p>"
    assert re.fullmatch(r'<img alt="[^"<>]*">', tag("img", alt=text).text)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "\"' onload=x"])
def test_no_name_breaks_out_of_the_frame(text):
    honest, hostile = (page(name, tag("p", "x"), shop=name).text or "" for name in ("Padaria", text))
    assert re.sub(r"Padaria", escape(text), honest) == hostile


def test_markup_in_markup_stays_markup():
    inner = tag("b", "<", class_="x", hidden=True, data_a_b=None, id=False)
    assert inner.text == '<b class="x" hidden>&lt;</b>'
    assert document(tag("p", "1 & ", inner)) == '<!doctype html>\n<p>1 &amp; <b class="x" hidden>&lt;</b></p>\n'
    assert tag("p", Html("<i>")).text == "<p><i></p>"


def test_only_one_module_makes_markup_of_text():
    """Everywhere else a text can get into a page through `tag` only, which escapes it."""
    for module in PAGES.glob("*.py"):
        if module.name != "markup.py":
            text = module.read_text(encoding="utf-8")
            assert "Html(" not in text, module.name
            assert not re.search(r"<\w+[ >]", text), module.name


def test_a_page_for_when_the_hub_is_away_says_when_to_come_back_and_how():
    answer = unavailable()
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert '<a href="" class="button">Atualizar a página</a>' in (answer.text or "")
    assert "Retry-After" not in HEADERS


def test_every_file_of_the_pages_is_in_the_list():
    assert {path.name for path in FOLDER.iterdir()} == set(TYPES)


def test_no_file_of_the_pages_names_another_host():
    for path in FOLDER.iterdir():
        named = re.findall(r"https?://[^\s\"'<>)]+", path.read_text(encoding="utf-8"))
        assert set(named) <= {"http://www.w3.org/2000/svg"}, path.name
