"""The payer's state of a payment, the texts of the pages, and their escaped markup."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import CATALOGUE, SUBJECTS
from contracts.events import CancellationRequested, PaymentCancelled
from contracts.v1.problem import problem_type
from extrato.domain.payment.commands import AcceptMoney, CompleteCancellation, Expire, RecordReturn, RequestCancellation
from extrato.domain.payment.decisions import PAYMENT
from extrato.use_cases.payments import LoadedPayment
from services.gateway.pages import texts
from services.gateway.pages.assets import CONTENT_TYPES, FOLDER
from services.gateway.pages.error_catalogue import catalogue
from services.gateway.pages.layout import HEADERS, page, unavailable
from services.gateway.pages.markup import Html, document, tag
from services.gateway.pages.page_context import PageContext, payment_page
from services.gateway.pages.payer_state import (
    LATE,
    MAY_MOVE,
    MAY_PAY,
    PayerState,
    payer_state_of,
    payer_state_on_return,
)
from tests.compatibility.claim import claim
from tests.unit.payment_story import (
    CHARGED,
    DIRECT_PIX,
    EXPIRED,
    NO_CHARGE,
    NOON,
    OPENED,
    PIX,
    Story,
    at,
    confirm,
    given_events,
    observe,
    recorded,
)

LATER = at(60)
PAGES = Path(texts.__file__).parent
ASKED_TO_CANCEL = (CancellationRequested(),)
CANCELLED = (CancellationRequested(), PaymentCancelled())


def payment(*statuses, charge=CHARGED, then=(), **details):
    """Return a payment with one attempt of each status, followed by the events `then`."""
    names = [PIX.attempt_id] if charge is PIX else "abc"
    seen = [
        recorded(observe(status, attempt=name, minute=minute, **details))
        for minute, (status, name) in enumerate(zip(statuses, names, strict=False), start=1)
    ]
    return PAYMENT.fold([OPENED, *([charge] if charge else []), *seen, *then])


def paid_and_then(status, *, then=()):
    """Return a payment whose one attempt was paid before it got this status."""
    return PAYMENT.fold([OPENED, CHARGED, *then, recorded(observe("approved")), recorded(observe(status, minute=2))])


@pytest.mark.parametrize(
    ("stands", "now", "expected"),
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
        (paid_and_then("a_status_of_tomorrow", then=[EXPIRED]), LATER, "reviewing"),
        (paid_and_then("a_status_of_tomorrow", then=CANCELLED), NOON, "reviewing"),
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
        (payment(then=[EXPIRED]), LATER, "expired"),
        (payment(then=CANCELLED), NOON, "cancelled"),
        (payment(then=ASKED_TO_CANCEL), NOON, "closing"),
        (payment(then=ASKED_TO_CANCEL), LATER, "closing"),
        (payment(then=ASKED_TO_CANCEL, charge=None), NOON, "closing"),
        (payment("pending", then=ASKED_TO_CANCEL), NOON, "closing"),
        (payment("in_process", then=ASKED_TO_CANCEL), LATER, "closing"),
        (payment("approved", then=ASKED_TO_CANCEL), NOON, "paid"),
        (payment(then=[*ASKED_TO_CANCEL, EXPIRED]), LATER, "expired"),
        (payment(charge=NO_CHARGE), NOON, "cancelled"),
        (payment(charge=PIX), NOON, "open"),
        (payment("pending", charge=PIX), NOON, "waiting"),
        (payment("in_process", charge=PIX), NOON, "reviewing"),
        (payment(charge=PIX), LATER, "settling"),
        (payment("cancelled", charge=PIX), NOON, "cancelled"),
        (payment("cancelled", charge=PIX, status_detail="expired"), NOON, "expired"),
        (payment("cancelled", "approved", then=[EXPIRED]), LATER, "paid"),
    ],
)
def test_payer_state_follows_the_payment(stands, now, expected):
    assert payer_state_of(stands, now) == expected


@pytest.mark.parametrize("stands", [payment(), payment("rejected"), payment(then=[EXPIRED])])
def test_unanswered_provider_delays_expired(stands):
    assert payer_state_of(stands, LATER, is_answered=False) == "settling"
    assert payer_state_of(stands, LATER + LATE, is_answered=False) == "expired"


@pytest.mark.parametrize(
    ("stands", "expected"),
    [
        (payment(), "checking"),
        (payment("rejected"), "checking"),
        (payment("pending"), "checking"),
        (payment("in_process"), "reviewing"),
        (payment("approved"), "paid"),
        (payment("approved", amount_centavos=400), "partial"),
        (payment(charge=None), "preparing"),
        (payment(then=ASKED_TO_CANCEL), "closing"),
    ],
)
def test_returning_payer_may_pay_only_after_provider_answers(stands, expected):
    answered, unanswered = (payer_state_of(stands, NOON, is_answered=is_answered) for is_answered in (True, False))
    assert payer_state_on_return(answered, is_answered=True) == answered
    assert payer_state_on_return(unanswered, is_answered=False) == expected
    assert payer_state_on_return(unanswered, is_answered=False) not in MAY_PAY


# --- money that does not pay the charge ---------------------------------------------------------


def paid(amount_centavos, *, attempt="a", minute=70, **changes):
    return observe("approved", attempt=attempt, minute=minute, amount_centavos=amount_centavos, **changes)


def disputed(amount_centavos, *, minute=71, **changes):
    return observe("in_mediation", amount_centavos=amount_centavos, minute=minute, **changes)


def link():
    return given_events(OPENED, CHARGED)


def pix():
    return given_events(DIRECT_PIX)


def left_open(story: Story) -> Story:
    return story


def asked_to_cancel(story: Story) -> Story:
    story.becomes(RequestCancellation())
    return story


def cancelled(story: Story) -> Story:
    story.becomes(RequestCancellation(), CompleteCancellation(charge_id="c1"))
    return story


def expired(story: Story) -> Story:
    story.becomes(Expire(now=LATER))
    return story


PART = paid(400)
FOREIGN = paid(1000, currency="ARS")
BESIDE_PART = {
    "a part": [PART],
    "all but a centavo": [paid(999)],
    "another currency": [FOREIGN],
    "a part and another currency": [PART, paid(1000, attempt="b", currency="ARS")],
    "a part of unknown status": [PART, observe("a_status_of_tomorrow", amount_centavos=400, minute=71)],
    "a partly refunded part": [PART, paid(400, minute=71, refunded_centavos=100)],
    "a part beside a waiting code": [PART, observe("pending", attempt="b", minute=71)],
    "a part beside a card under review": [PART, observe("in_process", attempt="b", minute=71)],
    "a part beside a refused card": [PART, observe("rejected", attempt="b", minute=71)],
    "a part beside a disputed one": [PART, paid(300, attempt="b"), disputed(300, attempt="b")],
}
IN_DISPUTE = {
    "a part": [PART, disputed(400)],
    "a part that was never seen paid": [disputed(400)],
    "a part that was charged back": [PART, observe("charged_back", amount_centavos=400, minute=71)],
    "another currency": [FOREIGN, disputed(1000, currency="ARS")],
    "a part beside a refused card": [PART, disputed(400), observe("rejected", attempt="b", minute=71)],
}


@claim("secure-link.part")
@pytest.mark.parametrize("now", [NOON, LATER])
@pytest.mark.parametrize("close", [left_open, asked_to_cancel, cancelled, expired])
@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        *((pytest.param(seen, "partial", id=name)) for name, seen in BESIDE_PART.items()),
        *((pytest.param(seen, "disputed", id=f"{name} in dispute")) for name, seen in IN_DISPUTE.items()),
    ],
)
def test_unsuitable_money_never_offers_to_pay(seen, expected, close, now):
    stands = close(link()).becomes(*seen)
    for is_answered in (True, False):
        payer_state = payer_state_on_return(
            payer_state_of(stands, now, is_answered=is_answered), is_answered=is_answered
        )
        assert payer_state == expected
        assert payer_state not in MAY_PAY


@pytest.mark.parametrize(
    ("story", "commands", "expected"),
    [
        (pix(), [confirm(400, transfer="E1")], "partial"),
        (expired(pix()), [confirm(minute=61, transfer="E1")], "late"),
        (expired(pix()), [confirm(minute=61)], "late"),
        (pix(), [confirm(minute=61, transfer="E1")], "late"),
        (expired(pix()), [confirm(400, minute=61, transfer="E1")], "partial"),
        (cancelled(pix()), [confirm(400, transfer="E1")], "partial"),
        (expired(pix()), [confirm(minute=61, transfer="E1"), AcceptMoney()], "paid"),
        (pix(), [confirm(400, transfer="E1"), AcceptMoney()], "paid"),
        (given_events(OPENED, PIX), [paid(999, attempt="900", minute=1)], "partial"),
    ],
)
def test_unsuitable_pix_is_partial_or_late(story, commands, expected):
    stands = story.becomes(*commands)
    assert {payer_state_of(stands, now) for now in (NOON, LATER)} == {expected}
    assert not {"partial", "late", "paid"} & MAY_PAY


def back(amount_centavos=1000):
    return RecordReturn(return_id="D1", end_to_end_id=None, amount_centavos=amount_centavos, returned_at=at(90))


@pytest.mark.parametrize(
    ("stands", "now", "expected"),
    [
        (link().becomes(PART, paid(600, attempt="b")), NOON, "paid"),
        (expired(link()).becomes(PART, paid(600, attempt="b")), LATER, "paid"),
        (
            link().becomes(PART, observe("refunded", amount_centavos=400, minute=71, refunded_centavos=400)),
            NOON,
            "open",
        ),
        (expired(pix()).becomes(confirm(minute=61, transfer="E1"), back()), LATER, "expired"),
        (expired(pix()).becomes(confirm(minute=61, transfer="E1"), back(400)), LATER, "partial"),
    ],
    ids=["parts that add up", "parts that add up late", "a refunded part", "late and returned", "late, in part"],
)
def test_payer_state_changes_when_rest_arrives_or_money_returns(stands, now, expected):
    assert payer_state_of(stands, now) == expected


# --- the facts ----------------------------------------------------------------------------------


def drawn(stands, now=LATER, by_state=texts.LINK):
    """Return the page of a payment as text, and its facts."""
    loaded = LoadedPayment(
        payment_id=15,
        merchant="padaria",
        payment=stands,
        opened_at=NOON,
        opened_position=1,
        updated_at=NOON,
        version=1,
        position=1,
    )
    payer_state = payer_state_of(stands, now)
    context = PageContext(
        loaded=loaded, shop="Padaria", payer_state=payer_state, now=now, token="t", checkout_address="https://pay"
    )
    text = payment_page(context, by_state[payer_state]).text or ""
    return text, dict(re.findall(r'<dt>([^<]+)</dt><dd dir="auto">([^<]*)</dd>', text))


def test_page_of_a_payment_with_a_return_address_links_to_the_shop():
    loaded = LoadedPayment(
        payment_id=15,
        merchant="padaria",
        payment=payment(),
        opened_at=NOON,
        opened_position=1,
        updated_at=NOON,
        version=1,
        position=1,
    )
    context = PageContext(
        loaded=loaded,
        shop="Padaria",
        payer_state="paid",
        now=NOON,
        token="t",
        checkout_address="https://pay",
        way_back="https://loja.example/fim?a=1&payment_id=15",
    )
    text = payment_page(context, texts.PIX["paid"]).text or ""
    assert 'href="https://loja.example/fim?a=1&amp;payment_id=15"' in text


def amounts(facts):
    """Return the received and missing amounts of the facts."""
    return tuple(facts[name].replace("\xa0", " ") if name in facts else None for name in ("Recebido", "Falta"))


@claim("secure-link.part")
@pytest.mark.parametrize(
    ("stands", "arrived", "missing"),
    [
        (link().becomes(PART), "R$ 4,00", "R$ 6,00"),
        (expired(link()).becomes(PART), "R$ 4,00", "R$ 6,00"),
        (link().becomes(paid(999)), "R$ 9,99", "R$ 0,01"),
        (link().becomes(PART, paid(300, attempt="b")), "R$ 7,00", "R$ 3,00"),
        (link().becomes(PART, paid(400, minute=71, refunded_centavos=100)), "R$ 3,00", "R$ 7,00"),
        (link().becomes(paid(123_456, currency="ARS")), "ARS 1.234,56", "R$ 10,00"),
        (link().becomes(PART, paid(1000, attempt="b", currency="ARS")), "R$ 4,00 e ARS 10,00", "R$ 6,00"),
        (expired(pix()).becomes(confirm(minute=61, transfer="E1")), "R$ 10,00", None),
        (payment(), None, None),
        (link().becomes(paid(1000)), None, None),
        (link().becomes(PART, disputed(400)), None, None),
    ],
)
def test_page_shows_received_and_missing_amounts(stands, arrived, missing):
    assert amounts(drawn(stands)[1]) == (arrived, missing)


@pytest.mark.parametrize(
    ("stands", "situation", "detail"),
    [
        (link().becomes(PART), "Incompleto", "partially_paid"),
        (link().becomes(FOREIGN), "Incompleto", "other_currency"),
        (expired(pix()).becomes(confirm(minute=61, transfer="E1")), "Recebido fora do prazo", "expired"),
    ],
)
def test_page_shows_situation_and_gives_scripts_the_detail(stands, situation, detail):
    text, facts = drawn(stands)
    assert facts["Situação"] == situation
    assert "Pago em" not in facts
    assert f'data-detail="{detail}"' in text
    # A missing rest may still arrive while the page is open; late money waits for the merchant.
    assert ("data-socket" in text) == (payer_state_of(stands, LATER) in MAY_MOVE)


@pytest.mark.parametrize(
    ("seen", "notice"),
    [
        ([paid(1000)], None),
        ([PART, paid(600, attempt="b")], None),
        ([paid(1001)], texts.PAID_TOO_MUCH),
        ([paid(600), paid(600, attempt="b")], texts.PAID_TOO_MUCH),
        ([paid(1000), paid(1000, attempt="b")], texts.PAID_TWICE),
        ([PART, paid(1000, attempt="b")], texts.PAID_TWICE),
        ([paid(1000), paid(1000, attempt="b"), observe("refunded", attempt="b", minute=72)], None),
    ],
)
def test_overpayment_and_double_payment_show_notices(seen, notice):
    notices = re.findall(r'<p class="notice">([^<]+)</p>', drawn(link().becomes(*seen))[0])
    assert notices == ([notice] if notice else [])


# --- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_state", [texts.PIX, texts.LINK, texts.RETURN])
def test_every_page_has_text_for_every_payer_state(by_state):
    assert set(by_state) == set(get_args(PayerState))
    assert {each.tone for each in by_state.values()} <= {"calm", "good", "wait", "bad"}


@pytest.mark.parametrize("by_state", [texts.PIX, texts.LINK, texts.RETURN])
def test_no_text_depends_on_a_script(by_state):
    assert [each.lead for each in by_state.values() if "se atualiza" in each.lead] == []


@pytest.mark.parametrize("by_state", [texts.LINK, texts.RETURN])
@pytest.mark.parametrize(
    "payer_state", ["reviewing", "checking", "settling", "closing", "late", "expired", "cancelled"]
)
def test_texts_tell_payers_not_to_pay_again(by_state, payer_state):
    assert re.search("[Nn]ão (é preciso )?pag(ue|ar) de novo", by_state[payer_state].lead)


@pytest.mark.parametrize("by_state", [texts.PIX, texts.LINK, texts.RETURN])
@pytest.mark.parametrize("payer_state", ["partial", "late"])
def test_texts_for_unsuitable_money_name_the_shop(by_state, payer_state):
    assert re.search("Não pague (por aqui|de novo)", by_state[payer_state].lead)
    assert re.search("[Ff]ale com a loja", by_state[payer_state].lead)


@given(st.text())
def test_text_in_markup_stays_text(text):
    assert tag("p", text).text == f"<p>{escape(text)}</p>"
    assert re.fullmatch(r'<img alt="[^"<>]*">', tag("img", alt=text).text)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "\"' onload=x"])
def test_merchant_name_cannot_break_markup(text):
    honest, hostile = (page(name, tag("p", "x"), shop=name).text or "" for name in ("Padaria", text))
    assert re.sub(r"Padaria", escape(text), honest) == hostile


def test_markup_in_markup_stays_markup():
    inner = tag("b", "<", class_="x", hidden=True, data_a_b=None, id=False)
    assert inner.text == '<b class="x" hidden>&lt;</b>'
    assert document(tag("p", "1 & ", inner)) == '<!doctype html>\n<p>1 &amp; <b class="x" hidden>&lt;</b></p>\n'
    assert tag("p", Html("<i>")).text == "<p><i></p>"


def test_only_one_module_creates_markup():
    """Other modules put text into a page only through `tag`, which escapes it."""
    for module in PAGES.glob("*.py"):
        if module.name != "markup.py":
            text = module.read_text(encoding="utf-8")
            assert "Html(" not in text, module.name
            assert not re.search(r"<\w+[ >]", text), module.name


def test_unavailable_page_has_retry_after_and_link():
    answer = unavailable()
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert '<a href="" class="button">Atualizar a página</a>' in (answer.text or "")
    assert "Retry-After" not in HEADERS


@pytest.mark.parametrize(
    ("origins", "ancestors", "options"),
    [
        ((), "'none'", "DENY"),
        ({"https://b.example", "http://localhost:5173"}, "http://localhost:5173 https://b.example", None),
    ],
)
def test_page_can_be_framed_by_the_named_origins_only(origins, ancestors, options):
    headers = page("Pague", frame_origins=origins).headers
    assert headers["Content-Security-Policy"].endswith(f"; frame-ancestors {ancestors}")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert headers.get("X-Frame-Options") == options
    assert unavailable().headers["X-Frame-Options"] == "DENY"


def test_every_asset_is_listed():
    assert {path.name for path in FOLDER.iterdir()} == set(CONTENT_TYPES)


def test_assets_name_no_other_host():
    for path in FOLDER.iterdir():
        named = re.findall(r"https?://[^\s\"'<>)]+", path.read_text(encoding="utf-8"))
        assert set(named) <= {"http://www.w3.org/2000/svg"}, path.name


def test_type_of_every_problem_is_an_anchor_of_the_catalogue():
    anchors = re.findall(r' id="([^"]+)"', catalogue().body.decode())
    assert {f"/docs/errors#{anchor}" for anchor in anchors} >= set(map(problem_type, CATALOGUE))
    assert len(anchors) == len(SUBJECTS) + sum(map(len, SUBJECTS.values()))


def test_links_of_the_catalogue_lead_to_its_subjects():
    text = catalogue().body.decode()
    assert re.findall(r' href="#([^"]+)"', text) == re.findall(r'<h2 id="([^"]+)"', text)


def test_catalogue_shows_every_text_and_no_script():
    text = catalogue().body.decode()
    for entry in CATALOGUE.values():
        for written in (entry.cause, entry.remedy):
            assert re.sub("`([^`]*)`", r"<code>\1</code>", escape(written)) in text
    assert "<script" not in text
    assert "{about}" not in text
    assert "`" not in text
